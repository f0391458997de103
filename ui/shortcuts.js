// What the keyboard does on every page; ui/words/house.py has the list that «?» opens.
if (!window.outboxKeys) {
  window.outboxKeys = true;
  const WRITING = "input:not([type=radio],[type=checkbox]), textarea, select, [contenteditable=true], [data-testid=stDataFrame]";
  const shown = (selector, within = document) =>
    [...within.querySelectorAll(selector)].find((one) => one.checkVisibility() && !one.disabled);
  const dialogs = () => [...document.querySelectorAll('[role="dialog"]')];
  const list = () => document.querySelector("dialog.shortcuts");

  const field = () => shown('[data-testid="stMain"] input[type="search"]');
  // A page without a search leads to the one that has it.
  const search = (tries = 100, led = null) => {
    if (field()) return field().focus();
    if (!led) (led = shown('.bar a[href="/messages"]'))?.click();
    if (tries) setTimeout(search, 100, tries - 1, led);
  };
  const edit = () => {
    const mode = [...document.querySelectorAll('.st-key-mode [role="radio"], .st-key-mode button')];
    return shown(".st-key-edit button") || mode.find((one) => one.textContent.trim() === "Edit");
  };
  // The one nearest to where somebody types: the page of accounts has one in each card.
  const saving = () => {
    const within = (place) => [...place.querySelectorAll('.st-key-save button, [class*="-save"] button')]
      .filter((one) => one.checkVisibility() && !one.disabled);
    let place = dialogs().at(-1) || document.activeElement;
    while (place && !within(place).length) place = place.parentElement;
    const found = place ? within(place) : [];
    return found.length === 1 ? found[0] : null;
  };
  const KEYS = {
    "/": () => search(),
    n: () => shown('.bar a[href="/schedule"]')?.click(),
    e: () => edit()?.click(),
    "?": () => list()?.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (!KEYS[event.key] || dialogs().length || list()?.open) return;
    if (event.target.closest?.(WRITING)) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  // What is being typed reaches the page when its field is left; then it is saved.
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    if (event.key.toLowerCase() !== "s") return;
    event.preventDefault();
    if (event.repeat) return;
    const save = saving();
    if (!save) return;
    document.activeElement?.blur();
    setTimeout(() => save.isConnected && save.click(), 50);
  });
  document.addEventListener("click", (event) => {
    const opens = event.target.closest?.(".shortcuts-open");
    if (opens) {
      opens.closest("details").open = false;
      list()?.showModal();
    }
    if (event.target === list() || event.target.closest?.(".shortcuts-close")) list()?.close();
  });
}
