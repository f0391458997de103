"""Who comes back to a page that was left open over a night."""

import re

import pytest
from playwright.sync_api import expect

from core.settings import settings
from tests.browser.conftest import PASSWORD, Desk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def test_whose_session_ended_while_the_line_was_broken_signs_in_and_is_where_they_were(
    desk: Desk,
) -> None:
    ana = desk.newcomer()
    ana.open("/messages?q=Hello")
    [dashboard] = [one for one in desk.programs.running if "dashboard" in one.log.name]
    dashboard.kill()
    ana.sees("Outbox cannot be reached")
    ana.sees("It is tried again by itself")
    ana.page.context.clear_cookies()
    desk.programs.dashboard(settings().dashboard_port)
    expect(ana.page).to_have_url(re.compile("/sign-in"), timeout=60_000)
    ana.page.get_by_label("Name").fill("ana")
    ana.page.get_by_label("Password", exact=True).fill(PASSWORD)
    ana.press("Sign in")
    ana.settled()
    expect(ana.page).to_have_url(re.compile(r"/messages\?q=Hello$"))
