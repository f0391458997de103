"""The pages without a browser: who may see them, what they say, what they never repeat."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col, select
from streamlit.testing.v1 import AppTest

from core import clock, db, editing, files, history, leasing, messages, operating, workers
from core.access import Actor, Role
from core.drafts import Draft
from core.models import Attempt, File, Message, MessageEvent, Worker
from core.settings import ROOT
from core.sheets.plan import Plan, Timing
from tests import given
from tests.core import loaded, stored
from tests.ui.seen import html
from ui import live

ANA = Actor("ana", Role.OPERATOR)
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))

pytestmark = pytest.mark.usefixtures("sqlite")


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Actor | None], None]]:
    def be(person: Actor | None) -> None:
        monkeypatch.setattr("core.sessions.actor", lambda token: person)

    be(ANA)
    live._pulse.clear()
    yield be


def run(page: str, **query: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=20)
    for name, value in query.items():
        at.query_params[name] = value
    return at.run()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_runs_without_the_frame_shows_a_stranger_nothing(
    page: str, signed_in: Callable[[Actor | None], None]
) -> None:
    stored.messages(stored.account("Secret orders"), [{"text": "Secret text"}])
    signed_in(None)
    at = run(page, id="1")
    assert "You are signed out" in html(at)
    assert "Secret" not in html(at)
    assert not at.button and not at.text_input


@pytest.mark.parametrize("page", ["schedule", "many"])
def test_a_viewer_cannot_schedule(page: str, signed_in: Callable[[Actor | None], None]) -> None:
    signed_in(Actor("vera", Role.VIEWER))
    assert "Not for viewers" in html(run(page))


def test_an_address_of_a_file_or_a_check_that_is_not_there_is_told(
    signed_in: Callable[[Actor | None], None],
) -> None:
    stored.account("Orders")
    assert "The file is not there any more" in html(run("many", file="7", check="9"))
    file_id = files.upload(b"phone,text\n+62812345678,Halo\n", name="a.csv", by=ANA)
    at = run("many", file=str(file_id), check="9")
    assert "1 row" in html(at)
    assert "There is no operation 9" in html(run("many", file=str(file_id), load="9"))


@pytest.mark.parametrize("odd", ["99999999999999999999", "²", "-1", "x"])
def test_an_address_with_an_odd_number_is_as_one_without(
    odd: str, signed_in: Callable[[Actor | None], None]
) -> None:
    stored.account("Orders")
    assert "The file" in html(run("many", file=odd, check=odd, load=odd))


def test_a_check_tells_which_zones_it_guessed_also_when_its_wrong_rows_are_gone(
    signed_in: Callable[[Actor | None], None],
) -> None:
    account = stored.account("Orders")
    wall = f"{clock.wall() + timedelta(days=2):%Y-%m-%dT09:00}"
    columns = {"recipient": "recipient", "content": "content"}
    plan = Plan(account, columns, timing=Timing("local", wall=wall))
    check = loaded.checked_as("recipient,content\n+6591234567,Hi\nx,Hi\n", plan)
    assert [one["zone"] for one in check.result["guessed_rows"]] == ["Asia/Singapore"]
    with db.writing() as session:
        wrong = update(File).where(col(File.id) == check.result["wrong_file"])
        session.execute(wrong.values(expires_at=db.now(session)))
    files.expire()
    at = run("many", file=str(check.arguments["file_id"]), check=str(check.id))
    assert "Asia/Singapore (guessed)" in html(at) and "09:00" in html(at)
    assert any("check again to get it" in one.proto.body for one in at.get("html"))


@pytest.mark.usefixtures("signed_in")
def test_a_message_says_that_its_zone_was_guessed_until_somebody_gives_it_a_time() -> None:
    account = given.account()
    wall = f"{clock.wall() + timedelta(days=2):%Y-%m-%dT09:00}"
    columns = {"recipient": "recipient", "content": "content", "zone": "zone"}
    plan = Plan(account, columns, timing=Timing("local", wall=wall))
    text = "recipient,content,zone\n+6591234567,Hi,\n+6591234568,Hi,Asia/Tokyo\n"
    operating.run(leasing.held(loaded.ordered(loaded.checked_as(text, plan))))
    guessed = "time zone was guessed from the country"
    assert [guessed in html(run("message", id=str(one))) for one in (1, 2)] == [True, False]
    draft = Draft(account, "+6591234567", "Hi", given.in_(hours=3))
    editing.edit(1, draft, version=given.row(1).version, by=given.ANA)
    assert guessed not in html(run("message", id="1"))


@pytest.mark.usefixtures("signed_in")
def test_the_times_of_a_messages_state_and_notes_are_exact_on_hover() -> None:
    at = clock.wall()
    row = {"status": "sent", "delivery": "accepted", "sent_at": at, "deleted_at": at}
    sent, waits = stored.messages(stored.account(), [row | {"deleted_by": "<ana>"}, {}])
    body, time = html(run("message", id=str(sent))), f'<time datetime="{at.isoformat()}" title="'
    assert f"WhatsApp took it {time}" in body and f"Deleted by &lt;ana&gt; {time}" in body
    messages.cancel(waits, by=ANA)
    assert 'class="advice">By ana, <time' in html(run("message", id=str(waits)))


def test_a_viewer_has_no_button_at_a_message(signed_in: Callable[[Actor | None], None]) -> None:
    (id_,) = stored.messages(stored.account(), [{"status": "failed"}])
    assert run("message", id=str(id_)).button
    signed_in(Actor("vera", Role.VIEWER))
    at = run("message", id=str(id_))
    assert "Failed" in html(at)
    assert not at.button


@pytest.mark.parametrize("page", ["overview", "schedule", "many", "accounts"])
def test_without_an_account_a_page_leads_administrators_to_add_one(
    page: str, signed_in: Callable[[Actor | None], None]
) -> None:
    asks = "which an administrator adds on the page Accounts"
    assert asks in html(run(page))
    signed_in(Actor("root", Role.ADMIN))
    said = html(run(page))
    assert asks not in said and 'href="/accounts?new=1"' in said


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("asked", ["", "7", "x", "9" * 30, "-1", "1 OR 1=1"])
def test_an_address_without_a_message_says_so(asked: str) -> None:
    assert "No such message" in html(run("message", id=asked))


@pytest.mark.usefixtures("signed_in")
def test_what_people_typed_is_never_markup() -> None:
    evil = "<img src=x onerror=alert(1)>"
    account = stored.account(evil, state="paused", state_reason=evil)
    (id_,) = stored.messages(account, [{"text": evil, "reference": evil, "hold": evil}])
    with db.writing() as session:
        session.add(
            MessageEvent(
                message_id=id_,
                at=clock.wall(),
                actor=evil,
                kind=evil,
                before={evil: "a"},
                after={evil: evil},
            )
        )
    for at in (run("message", id=str(id_)), run("messages"), run("overview"), run("schedule")):
        assert "<img" not in html(at)


@pytest.mark.usefixtures("signed_in")
def test_the_list_tells_the_two_halves_apart_and_links_each_message() -> None:
    rows: list[dict[str, Any]] = [{}, {"status": "sent", "sent_at": clock.wall()}]
    coming, sent = stored.messages(stored.account(), rows)
    body = html(run("messages"))
    first, then = body.index("To be sent, soonest first"), body.index("Finished, latest first")
    assert first < body.index(f"/message?id={coming}") < then < body.index(f"/message?id={sent}")


@pytest.mark.usefixtures("signed_in")
def test_a_place_in_the_list_that_makes_no_sense_is_the_beginning() -> None:
    (id_,) = stored.messages(stored.account(), [{}])
    assert f"/message?id={id_}" in html(run("messages", after="nonsense"))


def typed(at: AppTest, *, to: str, text: str) -> AppTest:
    at.text_input[0].set_value(to)
    at.text_area[0].set_value(text)
    return at.run()


def schedule_button(at: AppTest) -> Any:
    return next(b for b in at.button if b.label in ("Schedule", "Send now"))


def everything() -> list[Message]:
    with db.reading() as session:
        return list(session.exec(select(Message)).all())


@pytest.mark.usefixtures("signed_in")
def test_nothing_is_scolded_before_the_first_press_and_all_at_once_after_it() -> None:
    stored.account(), stored.account("Support")
    at = run("schedule")
    assert "wrong" not in html(at)
    pressed = html(schedule_button(at).click().run())
    for said in ("Choose the account", "Type the recipient", "Type the text"):
        assert said in pressed
    assert everything() == []


@pytest.mark.usefixtures("signed_in")
def test_a_wrong_recipient_is_said_at_once_and_stays_as_typed() -> None:
    stored.account()
    at = typed(run("schedule"), to="6.28123E+11", text="Hello")
    assert "A spreadsheet shortened this number" in html(at)
    assert at.text_input[0].value == "6.28123E+11"


@pytest.mark.usefixtures("signed_in")
def test_a_national_number_is_read_back_with_its_country() -> None:
    stored.account(country="ID")
    body = html(typed(run("schedule"), to="0812-3456-789", text="Hello"))
    assert "+62 812-3456-789" in body and "Indonesia" in body
    assert "Leaves <b>" in body


@pytest.mark.usefixtures("signed_in")
def test_a_message_is_scheduled_once_and_the_form_is_ready_for_the_next() -> None:
    stored.account()
    at = typed(run("schedule"), to="+628123456789", text="Hello *you*")
    at = schedule_button(at).click().run()
    (row,) = everything()
    assert f"/message?id={row.id}" in html(at)
    assert at.text_input[0].value == "" and at.text_area[0].value == ""
    at = schedule_button(at).click().run()  # the second click of a hand that was too quick
    assert len(everything()) == 1
    assert "Type the recipient" not in html(at)
    at = typed(at, to="+628123456780", text="Another")
    schedule_button(at).click().run()
    assert [row.recipient for row in everything()] == ["+628123456789", "+628123456780"]


@pytest.mark.usefixtures("signed_in")
def test_what_was_typed_last_is_what_is_scheduled() -> None:
    stored.account()
    at = typed(run("schedule"), to="+628123456789", text="First thought")
    at.text_area[0].set_value("Second thought")
    schedule_button(at).click().run()  # both come in one run, as when a click leaves the field
    (row,) = everything()
    found = history.read(row.id)
    assert found is not None and found.row.text == "Second thought"


@pytest.mark.usefixtures("signed_in")
def test_tomorrow_at_nine_is_one_press() -> None:
    stored.account()
    at = typed(run("schedule"), to="+628123456789", text="Hello")
    at.pills[0].set_value("Tomorrow 9:00").run()
    schedule_button(at).click().run()
    (row,) = everything()
    assert (row.due_at.hour, row.due_at.minute, row.zone) == (9, 0, "UTC")
    assert row.due_at.date() == clock.wall().date() + timedelta(days=1)


@pytest.mark.usefixtures("signed_in")
def test_a_paused_account_warns_and_schedules() -> None:
    stored.account(state="paused", state_reason="token expired")
    at = typed(run("schedule"), to="+628123456789", text="Hello")
    assert "is paused (token expired)" in html(at)
    schedule_button(at).click().run()
    assert len(everything()) == 1


@pytest.mark.usefixtures("signed_in")
def test_the_overview_says_what_needs_somebody() -> None:
    account = stored.account()
    stored.account("Support", state="paused", state_reason="token expired")
    past = clock.wall() - timedelta(hours=1)
    unknown = {"status": "failed", "error_class": "unknown", "due_at": past}
    (id_,) = stored.messages(account, [unknown])
    at = {"slot_at": clock.wall(), "claimed_at": clock.wall(), "payload": "", "payload_sha256": ""}
    with db.writing() as session:
        refused = {"outcome": "permanent", "error_code": 199999}
        session.add(Attempt(message_id=id_, account_id=account, worker_id=1, **at, **refused))
    body = html(run("overview"))
    assert "4 things need you" in body
    started = workers.start("loop")
    with db.writing() as session:
        worker = session.get_one(Worker, started)
        worker.unreached_since = db.now(session)
        session.add(worker)
    live.forget()
    assert "WhatsApp cannot be reached</b> since" in html(run("overview"))
    for said in ("<b>No worker is running</b>", "token expired", "may or may not have arrived"):
        assert said in body
    assert "new code <b>199999</b> today, 1 time." in body
