// Links between our pages without loading the application again; Streamlit follows popstate.
// A text area is committed when typing pauses: Streamlit's own waits for Ctrl+Enter or blur.
if (!window.outbox) {
  window.outbox = true;
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.go");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    history.pushState(null, "", link.href);
    window.dispatchEvent(new PopStateEvent("popstate"));
    document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);
  });
  // The menu of the person would stand over the page that it led to.
  document.addEventListener("click", (event) => {
    const menu = document.querySelector("details.person[open]");
    if (menu && !event.target.closest?.("details.person summary")) menu.open = false;
  });
  // The second click of a double click would press what took the button's place: Resume for Pause.
  document.addEventListener("click", (event) => {
    if (event.detail < 2 || !event.target.closest?.('[data-testid="stButton"] button')) return;
    event.stopPropagation();
    event.preventDefault();
  }, true);
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
  let pause;
  document.addEventListener("input", (event) => {
    const area = event.target;
    if (!area.matches?.("textarea") || area.closest(GRID)) return; // a cell is left by Enter
    clearTimeout(pause);
    const commit = { key: "Enter", code: "Enter", ctrlKey: true, bubbles: true };
    pause = setTimeout(() => area.dispatchEvent(new KeyboardEvent("keydown", commit)), 250);
  });
  // Dialogs hang outside stApp, which alone knows the theme that the person chose.
  const followTheme = () => {
    const app = document.querySelector('[data-testid="stApp"]');
    const chosen = app && getComputedStyle(app).colorScheme;
    const root = document.documentElement.style;
    if (chosen && root.colorScheme !== chosen) root.colorScheme = chosen;
  };
  // On a phone the pages stand in one line, wider than the screen: the one that is open is in sight.
  let shown;
  const followPage = () => {
    const here = document.querySelector(".bar nav a[aria-current]");
    if (!here || shown === here.href) return;
    shown = here.href;
    const nav = here.parentElement;
    nav.scrollLeft = here.offsetLeft - nav.offsetLeft - (nav.clientWidth - here.offsetWidth) / 2;
  };
  const follow = () => (followTheme(), followPage());
  follow();
  setInterval(follow, 300);
}
