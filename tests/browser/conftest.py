"""A real Chromium before a real dashboard, worker and sandbox, as `make run` starts them."""

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.conftest import missing
from tests.processes import Programs
from tests.waiting import until

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("Chromium is not installed: run  sh deploy/debian-packages.sh chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        yield launched
        launched.close()


class Operator:
    """A person at a browser: what they do, in their words."""

    def __init__(self, page: Page, site: str) -> None:
        self.page, self.site = page, site
        self.outside: list[str] = []
        page.on("request", self._note_outside)

    def _note_outside(self, request: object) -> None:
        url = str(getattr(request, "url", ""))
        if not url.startswith((self.site, self.site.replace("http", "ws"), "data:", "blob:")):
            self.outside.append(url)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.site}{path}")
        self.settled()

    def settled(self) -> None:
        """The page's script has run and the connection stands."""
        app = self.page.get_by_test_id("stApp")
        expect(app).to_have_attribute("data-test-connection-state", "CONNECTED", timeout=20_000)
        expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=20_000)

    def create_first_administrator(self, said: str) -> None:
        """Follow the address that the start printed."""
        found = re.search(r"/sign-in\?code=(\S+)", said)
        assert found, said
        self.page.goto(f"{self.site}/sign-in?code={found[1]}")
        self.page.get_by_label("Your name").fill("ana")
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_label("Password once more").fill(PASSWORD)
        self.page.get_by_role("button", name="Create and sign in").click()
        self.settled()

    def sign_in(self, name: str = "ana", password: str = PASSWORD) -> None:
        self.page.goto(f"{self.site}/sign-in")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.settled()

    def write(self, *, to: str, text: str) -> None:
        """Fill recipient and text of the schedule form."""
        self.page.get_by_label("To", exact=True).fill(to)
        self.page.get_by_label("Message", exact=True).fill(text)

    def choose(self, when: str) -> None:
        """Choose a time, as a person does: look whether it took, else click again."""
        self.settled()
        option = self.page.get_by_role("radio", name=when, exact=True)
        until(lambda: option.is_checked() or option.click(force=True), within=15, every=0.5)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def unfold(self, name: str) -> None:
        """Open a fold and wait until it stands: what is clicked while it moves is missed."""
        fold = self.page.locator("details").filter(has_text=name).last
        fold.locator("summary").click()
        rests = "fold => fold.open && !fold.getAnimations({subtree: true}).length"
        until(lambda: fold.evaluate(rests), within=15)

    def open_row(self, row: int) -> None:
        """Click «Open» at the end of a row: the grid is drawn on a canvas."""
        grid = self.page.get_by_test_id("stDataFrame")
        cell = grid.locator(f'canvas table tr[aria-rowindex="{row + 2}"] [role=gridcell]')
        expect(cell.filter(has_text="Open")).to_be_attached()
        grid.scroll_into_view_if_needed()
        box = grid.locator("canvas").first.bounding_box()
        assert box
        self.page.mouse.click(box["x"] + box["width"] - 35, box["y"] + 36 + 35 * row + 17)

    def sees(self, text: str | re.Pattern[str], *, within: float = 15) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=within * 1000)


class Desk:
    """Programs that run, and people before them."""

    def __init__(self, browser: Browser, programs: Programs, said: str) -> None:
        self._browser, self.programs, self.said = browser, programs, said

    def operator(self, zone: str = "Asia/Jakarta") -> Operator:
        context = self._browser.new_context(
            timezone_id=zone, viewport={"width": 1360, "height": 900}, reduced_motion="reduce"
        )
        context.set_default_timeout(15_000)
        return Operator(context.new_page(), self.programs.site)

    def newcomer(self) -> Operator:
        """The first administrator, signed in."""
        ana = self.operator()
        ana.create_first_administrator(self.said)
        return ana


@pytest.fixture
def desk(sqlite: str, programs: Programs, browser: Browser) -> Iterator[Desk]:
    from core.settings import settings

    dashboard = programs.dashboard(settings().dashboard_port)
    programs.worker()
    until(lambda: "/sign-in" in dashboard.said())
    yield Desk(browser, programs, dashboard.said())
    for context in browser.contexts:
        context.close()
