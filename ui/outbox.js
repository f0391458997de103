// Links between our pages without loading the application again; Streamlit follows popstate.
// A text area is committed when typing pauses: Streamlit's own waits for Ctrl+Enter or blur.
if (!window.outbox) {
  window.outbox = true;
  const app = () => document.querySelector('[data-testid="stApp"]');
  const go = (link) => {
    history.pushState(null, "", link.href);
    window.dispatchEvent(new PopStateEvent("popstate"));
    document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);
  };
  // Those of a list carry its filters: after a filter was clicked, the link that it makes is meant.
  const OF_LIST = ".turn a, .ways a";
  const goAnew = (link, tries) => {
    if (tries && app()?.dataset.testScriptState === "running") {
      setTimeout(goAnew, 50, link, tries - 1);
      return;
    }
    const same = (one) => one.textContent === link.textContent && one.className === link.className;
    go([...document.querySelectorAll(OF_LIST)].find(same) || link);
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.go");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const cure = link.dataset.press && document.querySelector(`.st-key-${link.dataset.press} button`);
    if (cure) cure.click();
    else if (link.matches(OF_LIST)) goAnew(link, 100);
    else go(link);
  });
  // The menu of the person would stand over the page that it led to.
  document.addEventListener("click", (event) => {
    const menu = document.querySelector("details.person[open]");
    if (menu && !event.target.closest?.("details.person summary")) menu.open = false;
  });
  // Light or dark, by Streamlit's own menu, which is out of sight. It keeps the choice for the page
  // alone that was loaded; here all pages have it.
  const kept = (path) => `stActiveTheme-${path}-v2`;
  const paths = PATHS;
  const wear = (theme, tries) => {
    const menu = document.querySelector('[data-testid="stMainMenuButton"]');
    const option = document.querySelector(`[data-testid="stMainMenuItem-theme-${theme}"]`);
    if (!option) {
      if (menu?.getAttribute("aria-expanded") === "false") menu.click();
      if (tries) setTimeout(wear, 50, theme, tries - 1);
      return;
    }
    option.click();
    menu.click();
    for (const path of paths) localStorage.setItem(kept(path), JSON.stringify(theme));
  };
  document.addEventListener("click", (event) => {
    const theme = event.target.closest?.("[data-theme]")?.dataset.theme;
    if (theme) wear(theme, 40);
  });
  document.addEventListener("toggle", () => {
    const now = localStorage.getItem(kept(location.pathname)) || '"System"';
    for (const one of document.querySelectorAll("[data-theme]"))
      one.ariaPressed = JSON.stringify(one.dataset.theme) === now;
  }, true);
  // The second click of a double click would press what took the button's place: Resume for Pause.
  document.addEventListener("click", (event) => {
    if (event.detail < 2 || !event.target.closest?.('[data-testid="stButton"] button')) return;
    event.stopPropagation();
    event.preventDefault();
  }, true);
  let pause;
  document.addEventListener("input", (event) => {
    const area = event.target;
    if (!area.matches?.("textarea") || area.closest(".gdg-clip-region")) return; // left by Enter
    clearTimeout(pause);
    const commit = { key: "Enter", code: "Enter", ctrlKey: true, bubbles: true };
    pause = setTimeout(() => area.dispatchEvent(new KeyboardEvent("keydown", commit)), 250);
  });
  // Dialogs hang outside stApp, which alone knows the theme that the person chose.
  const followTheme = () => {
    const chosen = app() && getComputedStyle(app()).colorScheme;
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
  // Whose session ended while the line was broken, as over a night, never gets it back: to the
  // sign-in, which leads here again. Streamlit would say «Connection failed with status 401».
  let broken = 0;
  const words = LINE;
  const sayBroken = () => {
    const head = document.querySelector('[role="dialog"] > h2');
    const text = head?.nextElementSibling?.firstElementChild?.firstChild;
    if (head?.textContent !== "Connection error" || text?.nodeType !== Node.TEXT_NODE) return;
    head.firstChild.data = words.head;
    text.data = words.text;
  };
  const followLine = async () => {
    const state = app()?.dataset.testConnectionState;
    broken = !state || state === "CONNECTED" ? 0 : broken + 1;
    if (broken) sayBroken();
    if (broken % 10 !== 5) return;
    const answer = await fetch("/_stcore/host-config", { cache: "no-store" }).catch(() => null);
    if (answer?.status !== 401 || app().dataset.testConnectionState === "CONNECTED") return;
    location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  };
  const follow = () => (followTheme(), followPage(), followLine());
  follow();
  setInterval(follow, 300);
}
