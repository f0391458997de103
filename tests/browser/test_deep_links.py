"""An address that somebody was sent, opened when the dashboard has just begun."""

import pytest
from playwright.sync_api import Browser, expect

from core import sessions, users
from core.access import Role
from core.settings import settings
from tests import given
from tests.browser.conftest import PASSWORD, Desk, Operator
from tests.processes import Programs

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120), pytest.mark.usefixtures("sqlite")]


def signed_in(desk: Desk, role: Role) -> Operator:
    """With a session that outlived the restart, as all do."""
    users.add(role.word, role=role, password=PASSWORD, by=given.ANA)
    who = desk.operator()
    kept = {"name": sessions.cookie_name(), "value": sessions.sign_in(role.word, PASSWORD)}
    who.page.context.add_cookies([{**kept, "url": who.site}])
    return who


def test_after_a_restart_a_link_leads_each_role_to_its_page_within_the_frame(
    programs: Programs, browser: Browser
) -> None:
    message = f"/message?id={given.message(given.account(), when=given.in_(hours=2))}"
    headings = {"/settings": "Settings", message: "Message 1"}
    programs.dashboard(settings().dashboard_port)
    desk = Desk(browser, programs, "")
    for role, paths in {
        Role.VIEWER: ("/settings", message),  # the very first
        Role.OPERATOR: (message,),
        Role.ADMIN: ("/settings", message),
    }.items():
        who = signed_in(desk, role)
        for path in paths:
            refused = path == "/settings" and role < Role.ADMIN
            heading = f"Not for {role.title.lower()}s" if refused else headings[path]
            who.page.goto(f"{who.site}{path}")
            expect(who.page.get_by_role("heading").first).to_have_text(heading)
            expect(who.page.locator(".trouble")).to_contain_text("No worker is running")
            expect(who.page.get_by_text("Training: nothing leaves")).to_be_visible()
            stop = who.page.get_by_role("button", name="Stop all sending")
            expect(stop).to_have_count(int(role >= Role.OPERATOR))
        who.page.context.close()
