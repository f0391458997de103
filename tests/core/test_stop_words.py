"""Who writes STOP is left in peace; nothing that they write brings them back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from sqlmodel import col, select, update

from core import clock, db, optouts, sparing, stop_words, verify, webhooks
from core.errors import Invalid
from core.meta.signatures import sign
from core.models import AuditEvent, OptOut, Recipient
from core.optout_file import Wish
from core.settings import settings
from tests import given
from tests.core import heard, stored
from tests.core.sending.test_permits import from_template, template
from tests.core.test_history import sent
from tests.waiting import until

ANA = given.ANA
BUDI = given.recipient(1)
WORDS = ("STOP", "Stop promotions", "Quiero baja", "रोकें")


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop",
        " Stop. ",
        "«Stop!»",
        "*STOP*",
        "ＳＴＯＰ",
        "stop  promotions",
        "QUIERO, BAJA",
        "रोकें",
    ],
)
def test_a_stop_word_is_known_in_any_writing(text: str) -> None:
    assert stop_words.says_stop(text, WORDS)


@pytest.mark.parametrize(
    "text",
    [None, "", " ", "!", "Please stop", "stop it", "stopp", "START", "s t o p", "don't stop"],
)
def test_what_only_has_the_word_in_it_is_no_stop_word(text: str | None) -> None:
    assert not stop_words.says_stop(text, (*WORDS, "", "!"))


def rows() -> list[OptOut]:
    with db.reading() as session:
        return list(session.exec(select(OptOut).order_by(col(OptOut.id))))


def audited() -> list[tuple[str, str | None]]:
    with db.reading() as session:
        found = session.exec(select(AuditEvent).order_by(col(AuditEvent.id)))
        return [(one.actor, one.target) for one in found if one.action == "opt-out added"]


def test_who_writes_it_is_on_the_list_once_and_what_waits_for_them_is_cancelled(
    database: str,
) -> None:
    stored.account("Orders"), stored.account("Support")
    waits = [given.message(account, to=BUDI, when=given.in_(hours=1)) for account in (1, 2)]
    other = given.message(1, to=given.recipient(2), when=given.in_(hours=1))
    heard.write("Stop.", sender=BUDI)
    heard.write("STOP", sender=BUDI, to="id of Support")
    (row,) = rows()
    assert (row.number, row.scope, row.account_id) == (BUDI, "everything", None)
    assert (row.source, row.reason, row.created_by) == ("wrote STOP", "Stop.", "themselves")
    assert audited() == [("outbox", BUDI)]
    assert [given.row(one).status for one in (*waits, other)] == ["cancelled"] * 2 + ["pending"]
    assert given.row(waits[0]).error_text == sparing.ASKED
    with pytest.raises(Invalid, match=r"by themselves \(wrote STOP, «Stop\.»\)"):
        given.message(1, to=BUDI)
    assert list(verify.violations()) == []


def test_the_same_webhook_again_does_not_put_back_who_was_taken_off(database: str) -> None:
    stored.account()
    told = heard.message("STOP", sender=BUDI)
    heard.receive(told)
    webhooks.apply_stored()
    optouts.lift(rows()[0].id, by=ANA)
    heard.receive(told)
    webhooks.apply_stored()
    assert [one.lifted_by for one in rows()] == ["ana"]
    heard.write("stop", sender=BUDI)
    assert [one.lifted_by for one in rows()] == ["ana", None]


@pytest.mark.parametrize("text", ["START", "Yes", "Stop or I call the police"])
def test_other_words_change_nothing_either_way(database: str, text: str) -> None:
    stored.account()
    heard.write(text, sender=BUDI)
    assert rows() == []
    heard.write("STOP", sender=BUDI)
    heard.write(text, sender=BUDI)
    assert [one.lifted_at for one in rows()] == [None]


def test_what_is_no_word_of_theirs_is_no_stop_word(database: str) -> None:
    stored.account()
    heard.write(sender=BUDI, type="image", image={"caption": "Stop"})
    heard.write(sender=BUDI, type="system", system={"body": "STOP"})
    assert rows() == []


def test_the_words_are_those_that_an_administrator_settled(
    database: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("OUTBOX_STOP_WORDS", "Genug")
    stored.account()
    heard.write("STOP", sender=BUDI)
    assert rows() == []
    heard.write("genug!", sender=BUDI)
    assert len(rows()) == 1


def test_a_wider_wish_takes_the_place_of_a_narrower_one(database: str) -> None:
    stored.account()
    with db.writing() as session:
        optouts.put(session, [Wish(BUDI, "marketing", None)], "ana")
    heard.write("STOP", sender=BUDI)
    assert [(one.scope, one.lifted_by) for one in rows()] == [
        ("marketing", "themselves"),
        ("everything", None),
    ]


@pytest.mark.parametrize(
    ("category", "scope"), [("MARKETING", "marketing"), ("UTILITY", "everything")]
)
def test_the_button_beneath_a_marketing_template_stops_marketing_alone(
    database: str, category: str, scope: str
) -> None:
    account = given.account("Orders", phone_number_id="5001")
    template(account, category=category)
    one = from_template(account, to=1)
    sent(one, "wamid.A")
    button: Any = {"payload": "stop", "text": "Stop promotions"}
    quoted = {"id": "wamid.A", "from": "62811"}
    heard.write(sender=BUDI, to="5001", type="button", button=button, context=quoted)
    (row,) = rows()
    assert (row.scope, row.account_id, row.reason) == (scope, None, "Stop promotions")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        *(("+5531987654321", "+553187654321"), ("+553187654321", "+5531987654321")),
        *(("+541123456789", "+5491123456789"), ("+5491123456789", "+541123456789")),
        ("+525512345678", "+5215512345678"),
    ],
)
def test_who_is_known_to_whatsapp_by_another_number_is_left_in_peace_on_the_one_that_we_write_to(
    database: str, ours: str, theirs: str
) -> None:
    account = stored.account()
    heard.write("Who is this?", sender=theirs)  # before we ever wrote
    with db.writing() as session:
        row = Recipient(account_id=account, number=ours, pair_tat=db.now(session))
        session.add(row)
    waits = given.message(account, to=ours, when=given.in_(hours=1))
    preferred("stop", who=theirs)
    heard.write("STOP", sender=theirs)
    assert [one.number for one in rows()] == [ours, ours]
    assert given.row(waits).status == "cancelled"


def test_who_waits_for_the_list_keeps_no_recipient_from_the_tick_that_writes_to_it(
    postgresql: str,
) -> None:
    """A tick that has put somebody on the list fills recipients' buckets afterwards."""
    account = stored.account()
    with db.writing() as session:
        session.add(Recipient(account_id=account, number=BUDI))
    heard.receive(heard.message("STOP", sender=BUDI))
    with db.writing() as tick, ThreadPoolExecutor() as pool:
        optouts.heard(tick, [(given.recipient(2), account)], "(#131050)")
        applying = pool.submit(webhooks.apply_stored)
        until(_waits_for_the_list)
        tick.execute(update(Recipient).values(pair_step=0))
        tick.commit()
        assert applying.result(timeout=10) == 1
    assert [one.number for one in rows()] == [given.recipient(2), BUDI]


def _waits_for_the_list() -> bool:
    waiting = "SELECT 1 FROM pg_locks WHERE relation = 'opt_out'::regclass AND NOT granted"
    with db.reading() as session:
        return session.execute(db.sql(waiting)).first() is not None


def preferred(value: str, at: datetime | None = None, who: str = BUDI) -> None:
    """What WhatsApp tells when somebody chooses so there."""
    when = int((at or clock.wall()).timestamp())
    told = {"wa_id": who[1:], "category": "marketing_messages", "value": value, "timestamp": when}
    raw = heard.body(user_preferences=[told]).encode()
    assert webhooks.receive(raw, sign(raw, settings().app_secret)) and webhooks.apply_stored()


def test_who_stops_marketing_in_whatsapp_itself_is_on_the_list_for_that_number(
    database: str,
) -> None:
    orders = stored.account()
    preferred("resume")
    assert rows() == []
    stopped_at = clock.wall()
    preferred("stop", stopped_at)
    preferred("stop", stopped_at)
    (row,) = rows()
    assert (row.scope, row.account_id, row.source) == ("marketing", orders, "WhatsApp")
    preferred("resume")
    assert rows()[0].lifted_at is None
    optouts.lift(row.id, by=ANA)
    preferred("stop", stopped_at)  # told once more
    assert len(rows()) == 1


def test_who_was_taken_off_the_whole_list_since_is_not_put_back_by_what_they_chose_before(
    database: str,
) -> None:
    stored.account()
    chose_at = clock.wall()
    heard.write("STOP", sender=BUDI)
    optouts.lift(rows()[0].id, by=ANA)
    preferred("stop", chose_at)
    assert [one.lifted_by for one in rows()] == ["ana"]


def test_a_stop_to_a_number_that_is_none_of_ours_is_left_out(database: str) -> None:
    preferred("stop")
    assert rows() == []
