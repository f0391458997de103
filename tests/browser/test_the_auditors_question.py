"""«Did Mrs Sari get the reminder of 3 November, what did it say, who changed it, who pressed what?»
asked of a message that was edited, corrected with its batch, held, released, refused and sent."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from playwright.sync_api import expect
from sqlalchemy import select
from sqlmodel import col

from core import correcting, db, holding, messages, operations, steering, users
from core.access import Actor, Role
from core.corrections import Correction, Way
from core.errors import Forbidden
from core.loading import Then
from core.models import AuditEvent
from tests import given
from tests.browser.conftest import PASSWORD, Desk, Operator
from tests.browser.test_exporting import downloaded
from tests.core import loaded
from tests.given import ANA
from tests.processes import look
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
Move = Callable[[timedelta], None]
JAKARTA = ZoneInfo("Asia/Jakarta")
FILE = "recipient,content,scheduled_at\n" + "".join(
    f'{given.recipient(number)},"{name}, see you on Monday at 8.",{{at}}\n'
    for number, name in enumerate(("Mr Budi", "Mrs Sari", "Mr Agus"))
)
SARI = given.recipient(1)
SAID = "Mrs Sari, see you on Tuesday at 8. Bring your card."
HAPPENED = [
    *("Imported by ana", "Edited by budi", "Corrected, many at once by ana"),
    *("Released with its batch by ana", "Held by budi", "Released by budi", "Due"),
    *("Attempt 1: WhatsApp was busy", "Attempt 2: refused", "To be sent again, asked by budi"),
    *("Attempt 3: WhatsApp took it", "WhatsApp sent it on", "On the phone", "Read"),
]
CHANGING = ("Edit", "Hold", "Release", "Cancel message", "Delete", "Send again")
VERA = Actor("vera", Role.VIEWER)


def third_of_november(hour: int, minute: int = 0) -> datetime:
    """Of next year, by the clinic's clock."""
    return datetime(datetime.now(UTC).year + 1, 11, 3, hour, minute, tzinfo=JAKARTA)


def go_to(at: datetime, move_clock: Move) -> None:
    move_clock(at - datetime.now(UTC))


def somebody(desk: Desk, name: str, role: Role) -> Operator:
    users.add(name, role=role, password=PASSWORD, by=ANA)
    who = desk.operator()
    who.sign_in(name)
    return who


def find(who: Operator) -> None:
    """As somebody does who has nothing but a name."""
    who.open("/messages?q=Sari")
    who.page.get_by_role("link", name=re.compile("Mrs Sari")).click()
    who.settled()


def edit(budi: Operator) -> None:
    budi.press("Edit")
    drawer = budi.page.get_by_role("dialog")
    drawer.get_by_label("Message", exact=True).fill(
        "Mrs Sari, see you on Monday at 8. Bring your card."
    )
    drawer.get_by_role("button", name="Save").click()
    budi.sees("Bring your card.")


def correct(batch_id: int) -> None:
    wanted = Correction(Way.REPLACE, find="Monday", put="Tuesday")
    made = correcting.correct(batch_id, wanted, by=ANA)
    look()
    until(lambda: operations.state(made).state == "finished", within=30)


def lines(who: Operator) -> list[str]:
    """What the page says that happened, and by whom."""
    return who.page.locator(".timeline > .line > p:first-child").all_inner_texts()


def changed(budi: Operator, message_id: int, batch_id: int) -> None:
    """Edited by one, corrected and let go with its batch by another, and held."""
    find(budi)
    edit(budi)
    correct(batch_id)
    steering.release(batch_id, by=ANA)
    look()
    until(lambda: given.row(message_id).hold is None)
    find(budi)
    budi.press("Hold")
    until(lambda: given.row(message_id).hold == "person")


def left(desk: Desk, budi: Operator, message_id: int, move_clock: Move) -> None:
    """It is let go, refused twice, and reaches her phone when it is sent again."""
    budi.press("Release")
    until(lambda: given.row(message_id).hold is None)
    busy, wrong = ({"code": 131000, "status": 500, "is_transient": True}, {"code": 100})
    desk.programs.fault(busy, to=SARI)
    go_to(third_of_november(8) + timedelta(seconds=2), move_clock)
    until(lambda: given.row(message_id).retry_count == 1)
    desk.programs.fault(wrong, to=SARI)
    go_to(third_of_november(8, 2), move_clock)
    until(lambda: given.row(message_id).status == "failed")
    budi.sees("You are signed out")  # since yesterday
    budi.sign_in("budi")
    find(budi)
    budi.press("Send again")
    budi.press("Send it again")
    until(lambda: given.row(message_id).delivery == "read", within=20)


def may_only_look(vera: Operator, message_id: int) -> None:
    """Nobody may change it who may only look, by the page or past it."""
    find(vera)
    vera.sees("Held")
    for name in CHANGING:
        expect(vera.page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    before = given.row(message_id)
    for verb in (holding.release, messages.cancel, messages.delete, messages.retry):
        with pytest.raises(Forbidden):
            verb(message_id, by=VERA)
    assert given.row(message_id) == before


def evidence(vera: Operator, message_id: int) -> str:
    """The sum of the file; all of it was checked."""
    data = Path(downloaded(vera, "download the evidence").path()).read_bytes()
    html = data.decode()
    found = re.search(r"<h2>The record</h2><pre>(.*)</pre>", html, re.DOTALL)
    assert found
    text = unescape(found[1])
    record: dict[str, Any] = json.loads(text)
    assert f"<dt>The record below</dt><dd><code>{_sum(text)}</code>" in html
    for number, attempt in enumerate(record["attempts"], start=1):
        sum_of_it = f"<dt>Request {number}, as posted</dt><dd><code>{_sum(attempt['payload'])}<"
        assert sum_of_it in html
    assert [one["payload"] for one in record["attempts"]] == [
        one.payload for one in given.attempts(message_id)
    ]
    assert json.loads(record["attempts"][-1]["payload"])["text"]["body"] == SAID
    told = re.findall(r"<li><p><b>(.*?)</b>(.*?)</p>", html)
    assert ["".join(one) for one in told] == HAPPENED
    return sha256(data).hexdigest()


def _sum(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def trail(ana: Operator, search: str) -> pd.DataFrame:
    """What the page finds, as it exports it."""
    ana.open("/audit")
    ana.page.get_by_label("Search").fill(search)
    ana.page.get_by_label("Search").press("Enter")
    export = downloaded(ana, "Export what was found as CSV")
    frame = pd.read_csv(export.path(), keep_default_na=False)
    expect(ana.page.locator(".trail .row:not(.head)")).to_have_count(len(frame))
    return frame


def recorded(target: str) -> list[tuple[str, str]]:
    with db.reading() as session:
        asked = select(col(AuditEvent.actor), col(AuditEvent.action))
        mine = asked.where(col(AuditEvent.target) == target).order_by(col(AuditEvent.id))
        return [tuple(one) for one in session.execute(mine)]


def test_it_is_answered_from_the_page_the_evidence_and_the_trail(
    desk: Desk, move_clock: Move
) -> None:
    account = given.account("Clinic", country="ID", zone="Asia/Jakarta")
    go_to(third_of_november(9) - timedelta(days=1), move_clock)
    file = FILE.format(at=third_of_november(8).isoformat())
    batch_id = loaded.load(file, account, then=Then.HOLD).batch_id or 0
    message_id = 2
    ana = desk.newcomer()
    budi = somebody(desk, "budi", Role.OPERATOR)
    vera = somebody(desk, "vera", Role.VIEWER)
    changed(budi, message_id, batch_id)
    may_only_look(vera, message_id)
    left(desk, budi, message_id, move_clock)

    vera.sign_in("vera")
    find(vera)
    expect(vera.page.get_by_role("figure")).to_contain_text(SAID)
    assert lines(vera) == HAPPENED
    [hers] = [one for one in desk.programs.arrived() if one["to"] == SARI]
    assert hers["text"] == SAID and given.row(message_id).meta_message_id == hers["id"]
    taken = evidence(vera, message_id)

    ana.sign_in()
    by_vera = trail(ana, f"vera message {message_id}")
    assert [json.loads(one)["sha256"] for one in by_vera["after"]] == [taken]
    of_batch = trail(ana, f"batch {batch_id}")
    done = of_batch[of_batch["target"] == f"batch {batch_id}"]
    acts = list(zip(done["actor"], done["action"], strict=True))
    # The batch may have been found to have finished since.
    assert acts and acts == recorded(f"batch {batch_id}")[: len(acts)]
    assert {("ana", "batch corrected"), ("ana", "batch released")} <= {*acts}
    vera.open("/audit")
    vera.sees("Not for viewers")
    assert vera.page.request.get(f"{vera.site}/export/audit.csv").status == 403
    assert not ana.outside and not budi.outside and not vera.outside
