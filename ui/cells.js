// What is typed in the cells of Edit mode, on its way to the page.
if (!window.outboxCells) {
  window.outboxCells = true;
  // A cell reaches the server a moment after it was left, and a grid that is laid anew forgets it:
  // what is pressed right after waits for that. Ctrl+S saves what is being typed in a cell, too.
  const GRID = '[data-testid="stDataFrame"], .gdg-clip-region', MOMENT = 400;
  let inCell = 0, pressing = false;
  const typing = () => document.querySelector(".gdg-clip-region");
  const press = (what) => {
    pressing = true;
    what?.click();
    pressing = false;
  };
  for (const kind of ["keydown", "pointerdown"]) {
    window.addEventListener(kind, (event) => {
      if (typing() || event.target.closest?.(GRID)) inCell = Date.now();
    }, true);
  }
  window.addEventListener("click", (event) => {
    const pressed = event.target.closest?.("button, a, label, input");
    if (pressing || !pressed || pressed.closest(GRID) || Date.now() - inCell > MOMENT) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    setTimeout(press, MOMENT, pressed);
  }, true);
  const save = () => document.querySelector(".st-key-save-edits button");
  const leave = () => typing()?.querySelector("textarea, input")?.dispatchEvent(
    new KeyboardEvent("keydown", { key: "Enter", code: "Enter", keyCode: 13, bubbles: true }));
  const saveSoon = (tries) => {
    if (save()?.disabled && tries) setTimeout(saveSoon, 100, tries - 1); // until the cell is there
    else press(save());
  };
  window.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey)) return;
    if (!save() || document.querySelector('[role="dialog"]')) return; // ui/shortcuts.js does it
    event.stopImmediatePropagation();
    event.preventDefault();
    setTimeout(leave, 100); // the cell takes the last letter a moment after the key
    setTimeout(saveSoon, 100 + MOMENT, 30);
  }, true);
  window.addEventListener("beforeunload", (event) => {
    if (typing() || document.querySelector(".unsaved")) event.preventDefault();
  });
}
