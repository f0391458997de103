"""Every page on its main path, by clicking; and the ways back: Back, a reload, a link to a view."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from core import accounts, clock, optouts, users
from core.access import Role
from core.settings import ROOT
from tests import given
from tests.browser.conftest import PASSWORD, Desk, Operator
from tests.browser.test_exporting import downloaded
from tests.core import stored, templated
from tests.core.batched import batch
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
WIDE, NARROW = 1280, 390


def fits(page: Page) -> None:
    """Nothing to slide to beside the page, on a desk's screen and on a phone's."""
    for width in (NARROW, WIDE):
        page.set_viewport_size({"width": width, "height": 900})
        for one in page.locator("html, [data-testid=stMain]").all():
            until(lambda one=one: one.evaluate("one => one.scrollWidth <= one.clientWidth"))


class Walk:
    """Somebody who goes through the pages; each is looked at as they come to it."""

    def __init__(self, who: Operator) -> None:
        self.who, self.page, self.seen, self.broken = who, who.page, {"overview"}, list[str]()
        who.page.on("pageerror", lambda error: self.broken.append(str(error)))

    def to(self, link: Locator | str, heading: str | re.Pattern[str]) -> None:
        """Follow a link, by itself or by its words; the page that it leads to is there, whole."""
        if isinstance(link, str):
            link = self.page.get_by_role("link", name=link, exact=True)
        link.first.click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading, timeout=15_000)
        self.who.settled()
        self.seen.add(urlsplit(self.page.url).path.strip("/") or "overview")
        expect(self.page.get_by_test_id("stException")).to_have_count(0)
        expect(self.page.get_by_text("This page could not be finished.")).to_have_count(0)
        main = self.page.get_by_test_id("stMain")
        expect(self.page.get_by_role("button", name="Stop all sending")).to_be_visible()
        expect(self.page.get_by_text("Training: nothing leaves this machine")).to_be_visible()
        assert main.evaluate("one => one.scrollWidth - one.clientWidth") == 0, self.page.url

    def arranging(self, name: str) -> None:
        """A page of the menu of the person."""
        self.page.locator("details.person summary").click()
        self.to(name, name)


def row(who: Operator, text: str | re.Pattern[str]) -> Locator:
    return who.page.locator("a.row").filter(has_text=text)


def test_every_page_is_reached_and_does_what_it_is_for(desk: Desk) -> None:
    account = templated.account("Orders", country="ID", zone="Asia/Jakarta")
    templated.read_again(account)
    failed = given.message(account, to="+447700900141", text="Cannot arrive")
    waits = given.message(account, text="Kept for Friday", when=given.in_(hours=3))
    batch(account, [{}] * 3, name="May reminders")
    optouts.add([given.recipient(7)], reason="STOP", by=given.ANA)
    until(lambda: given.row(failed).status == "failed")
    newest = desk.operator()
    newest.page.goto(f"{newest.site}/sign-in")
    fits(newest.page)
    ana = desk.newcomer()
    walk = Walk(ana)

    ana.page.get_by_role("radio", name="24 h").click(force=True)
    expect(ana.page).to_have_url(re.compile("over=24"))
    fits(ana.page)
    walk.to(row(ana, "Orders"), re.compile("^Messages"))
    ana.sees("Kept for Friday")
    walk.to(row(ana, "Kept for Friday"), re.compile(f"^Message {waits}"))
    fits(ana.page)
    ana.press("Hold")
    until(lambda: given.row(waits).hold == "person")
    ana.press("Release")
    until(lambda: given.row(waits).hold is None)
    walk.to(ana.page.locator("dl.facts a.go"), "People")
    ana.sees("May be contacted")
    walk.to("Messages", re.compile("^Messages"))
    walk.to("Not reached", re.compile("^Not reached"))
    assert "+447700900141" in downloaded(ana, "Export for the telephone").path().read_text()
    walk.to("Schedule", "Schedule a message")
    ana.write(to="0812-3456-789", text="Halo")
    fits(ana.page)
    choose_dark(ana)
    ana.press("Schedule")
    ana.sees("Open it")
    walk.to("Many", "Schedule many messages")
    ana.page.reload()
    ana.sees("The file")
    expect(ana.page.get_by_test_id("stApp")).to_have_css("color-scheme", "dark")
    walk.to("Batches", "Batches")
    walk.to(row(ana, "May reminders"), re.compile("^May reminders"))
    ana.sees("Waiting for release")
    walk.to("Templates", re.compile("^Templates"))
    walk.to(row(ana, "order_shipped"), re.compile("^order_shipped"))
    ana.press("Hold")
    ana.press("Hold it")
    ana.sees("Nothing leaves with it until somebody releases it.")
    walk.to("Accounts", re.compile("^Accounts"))
    walk.to(ana.page.get_by_role("link", name=re.compile("Orders")), re.compile("^Orders"))
    ana.press("Check with Meta")
    ana.sees("Meta accepts the access token.")
    walk.arranging("Settings")
    invited(desk, ana)
    walk.arranging("Audit trail")
    ana.page.get_by_label("Search").fill("template held")
    expect(ana.page.locator(".trail .row:not(.head)")).to_have_count(1)
    ana.sees("order_shipped")
    walk.to("Overview", "All is well")
    turns_by_itself(ana)
    assert walk.seen == {path.stem for path in (ROOT / "pages").glob("*.py")}
    assert walk.broken == [] and ana.outside == []


def turns_by_itself(ana: Operator) -> None:
    """The head of the overview, when somebody else has done something, and back."""
    head = ana.page.locator("section.well")
    expect(head).to_have_count(1)
    accounts.pause("Orders", reason="a look at it", by=given.ANA)
    expect(head).to_contain_text("Orders is paused: a look at it.", timeout=15_000)
    expect(ana.page.locator(".accounts")).to_contain_text("a look at it")
    accounts.resume("Orders", by=given.ANA)
    expect(head).to_contain_text("All is well", timeout=15_000)
    expect(head).to_have_count(1)


def choose_dark(ana: Operator) -> None:
    """In the menu of the person, which is the only one."""
    ana.page.locator("details.person summary").click()
    expect(ana.page.get_by_role("button", name="As the system")).to_have_attribute(
        "aria-pressed", "true"
    )
    ana.press("Dark")
    expect(ana.page.get_by_test_id("stApp")).to_have_css("color-scheme", "dark")
    expect(ana.page.get_by_test_id("stMainMenuPopover")).to_have_count(0)
    expect(ana.page.get_by_test_id("stMainMenu")).to_be_hidden()
    expect(ana.page.get_by_label("Message", exact=True)).to_have_value("Halo")


def invited(desk: Desk, ana: Operator) -> None:
    """Somebody is added, and chooses a password by the link that is handed over."""
    ana.press("Add somebody …")
    ana.page.get_by_role("dialog").get_by_label("Name").fill("wati")
    ana.press("Add")
    link = ana.page.get_by_test_id("stCode").inner_text()
    wati = desk.operator()
    wati.page.goto(f"{wati.site}{link.removeprefix(wati.site)}")
    for label in ("Password", "Password once more"):
        wati.page.get_by_label(label, exact=True).fill(PASSWORD)
    wati.press("Choose and sign in")
    wati.settled()
    wati.sees("All is well")
    assert {one.name for one in users.all_users()} == {"ana", "wati"}


def shown(who: Operator) -> list[str]:
    """The rows that the page shows, without their times."""
    rows = who.page.locator(".list a.row")
    expect(rows).to_have_count(50)
    return [" ".join(one.split("\n")[:-1]) for one in rows.all_inner_texts()]


def test_a_filtered_page_is_there_again_after_back_a_reload_and_for_a_colleague(
    desk: Desk,
) -> None:
    due = [clock.wall() + timedelta(hours=1, minutes=number) for number in range(120)]
    orders = given.account("Orders")
    ids = stored.messages(orders, [{"due_at": one} for one in due])
    stored.messages(given.account("Clinic"), [{"due_at": one} for one in due])
    ana = desk.newcomer()
    ana.open("/messages")
    ana.page.get_by_role("combobox", name="Account").click()
    ana.page.get_by_role("option", name="Orders").click()
    ana.page.get_by_role("button", name="Scheduled", exact=True).click()
    ana.page.get_by_role("link", name="Next →").click()  # before the list is drawn anew
    expect(row(ana, "0000-0050")).to_have_count(1)
    view, there = ana.page.url, shown(ana)
    assert "account=Orders" in view and "state=Scheduled" in view and "after=" in view

    row(ana, "0000-0060").click()
    expect(ana.page.get_by_role("heading", level=1)).to_contain_text(f"Message {ids[60]}")
    ana.page.go_back()
    expect(row(ana, "0000-0050")).to_have_count(1)
    assert (ana.page.url, shown(ana)) == (view, there)
    row(ana, "0000-0060").click()
    ana.press("Cancel message")
    ana.press("Cancel it")
    until(lambda: given.row(ids[60]).status == "cancelled")
    ana.page.go_back()
    expect(row(ana, "0000-0060")).to_have_count(0)
    rest = [one for one in there if "0000-0060" not in one]
    expect(row(ana, "0000-0050")).to_have_count(1)
    assert (ana.page.url, shown(ana)[:49]) == (view, rest)
    ana.page.reload()
    ana.settled()
    assert (ana.page.url, shown(ana)[:49]) == (view, rest)

    users.add("vera", role=Role.VIEWER, password=PASSWORD, by=given.ANA)
    vera = desk.operator(zone="America/New_York")
    vera.page.goto(view)  # signed out as she is, the link waits until she is in
    vera.page.get_by_label("Name").fill("vera")
    vera.page.get_by_label("Password", exact=True).fill(PASSWORD)
    vera.press("Sign in")
    vera.settled()
    assert shown(vera) == shown(ana)
    first = vera.page.locator(".list a.row .at").first.inner_text()
    assert first != ana.page.locator(".list a.row .at").first.inner_text()
    expect(vera.page.get_by_text("Select", exact=True)).to_have_count(0)
    assert not ana.outside and not vera.outside
