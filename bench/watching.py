"""One person at a real browser: from the click until the page, or what was done, can be seen."""

import re
import shutil
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Error, Page, sync_playwright

from bench.figures import percentile
from bench.lifelike import ZONE

ARGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
# In the page itself: the clock starts with the person's own event, and what is looked for is tried
# before each frame, so that neither Playwright nor its line to the browser is in the figure.
WATCH = """([event, shown]) => {
  const there = new Function(`return (${shown})`);
  window.seen = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`not to be seen: ${shown}`)), 20_000);
    document.addEventListener(event, (done) => {
      const look = () => there()
        ? requestAnimationFrame(() => resolve(performance.now() - done.timeStamp))
        : requestAnimationFrame(look);
      look();
    }, {capture: true, once: true});
  });
}"""


def heading(words: str, part: str) -> str:
    """JavaScript: the page of this heading is there, with this part of it."""
    told = f"document.querySelector('header.title h1')?.innerText === '{words}'"
    return f"{told} && document.querySelector('{part}')"


def first_row(words: str) -> str:
    """JavaScript: the list begins with a row that says this."""
    return f"document.querySelector('.list .row:not(.head)')?.innerText.includes('{words}')"


Act = Callable[[Page], Any]


def _link(words: str) -> Act:
    return lambda page: page.locator("a.go", has_text=re.compile(f"^{words}$")).first.click()


def _mode(words: str) -> Act:
    return lambda page: page.get_by_role("radio", name=words, exact=True).click(force=True)


def _tick(page: Page) -> None:
    """The first row's box: drawn on a canvas, found by where it lies."""
    grid = page.get_by_test_id("stDataFrame").bounding_box()
    assert grid
    page.mouse.click(grid["x"] + 17, grid["y"] + 52)


def _search(page: Page) -> None:
    field = page.get_by_label("Search in numbers and texts")
    field.fill("0812-77")
    field.press("Enter")


def _schedule(page: Page) -> None:
    for key in ("ArrowDown", "ArrowDown", "Enter"):  # no click, which starts the clock
        page.get_by_role("combobox").first.press(key)
    page.get_by_label("To", exact=True).fill("+62 812-7700-1234")
    page.get_by_label("Message", exact=True).fill("Your order is ready.")
    page.get_by_role("button", name="Schedule", exact=True).click()


SEEN = "document.querySelector('{}')".format
OVERVIEW = SEEN("[data-testid=stVegaLiteChart] svg, [data-testid=stVegaLiteChart] canvas")
BETWEEN = 1000  # milliseconds in which the page before comes to rest
# What is done, the event that starts the clock, and what is to be seen after it.
STEPS: tuple[tuple[str, Act, str, str], ...] = (
    ("Messages", _link("Messages"), "click", heading("Messages", ".list .row + .row")),
    ("Failed", _link("Failed"), "click", first_row("Failed")),
    (
        "Next →",
        _link("Next →"),
        "click",
        "location.search.includes('after')"
        " && document.querySelector('footer.turn a[href*=before]')",
    ),
    (
        "A message",
        lambda page: page.locator(".list a.row").first.click(),
        "click",
        "document.querySelector('header.title h1')?.innerText.startsWith('Message ')"
        " && document.querySelector('section.state')",
    ),
    ("Messages again", _link("Messages"), "click", heading("Messages", ".list .row + .row")),
    ("Select mode", _mode("Select"), "click", SEEN("[data-testid=stDataFrame] canvas")),
    (
        "Tick a row",
        _tick,
        "pointerup",
        "document.querySelector('p.picked')?.innerText.startsWith('1 ')",
    ),
    ("Leave select mode", _mode("Read"), "click", SEEN(".list .row + .row")),
    ("History", _link("History"), "click", first_row("") + f" && {SEEN('.tiles')}"),
    ("Search", _search, "input", "document.querySelector('p.read')?.innerText.includes('0812-77')"),
    ("Not reached", _link("Not reached"), "click", heading("Not reached", ".list .row + .row")),
    ("Batches", _link("Batches"), "click", heading("Batches", ".list .row + .row")),
    ("Accounts", _link("Accounts"), "click", heading("Accounts", "[class*=st-key-card]")),
    ("Schedule", _link("Schedule"), "click", SEEN("[data-testid=stTextArea]")),
    (
        "A message scheduled",
        _schedule,
        "click",
        SEEN(".note.green a.go") + " && document.querySelector('textarea').value === ''",
    ),
    ("Overview", _link("Overview"), "click", OVERVIEW),
)


def watched(site: str, cookie: str, rounds: int) -> list[dict[str, object]]:
    """Milliseconds until each could be seen, over so many rounds after one that warms up; nothing
    where there is no Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        context = browser.new_context(timezone_id=ZONE, viewport={"width": 1360, "height": 900})
        name, _, value = cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": site}])
        page = context.new_page()
        page.goto(site)
        page.wait_for_function(f"() => {OVERVIEW}")
        times = [_round(page) for _ in range(rounds + 1)][1:]
        browser.close()
    return [
        {
            "seen": name,
            "times": rounds,
            "visible_p50_ms": percentile([one[name] for one in times], 50),
            "visible_max_ms": max(one[name] for one in times),
        }
        for name, *_ in STEPS
    ]


def _round(page: Page) -> dict[str, float]:
    found = {}
    for name, act, event, shown in STEPS:
        page.wait_for_timeout(BETWEEN)
        page.evaluate(WATCH, [event, shown])
        act(page)
        try:
            found[name] = float(page.evaluate("() => window.seen"))
        except Error as error:
            raise SystemExit(f"{name}, at {page.url}: {error}") from error
    return found
