"""Which of what a person wrote belongs to which message."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from core import clock, happened, replies
from tests import given
from tests.core import heard, stored
from tests.core.test_history import read, sent

pytestmark = pytest.mark.usefixtures("database")

BUDI = given.recipient(1)
HOUR = timedelta(hours=1)
NOW = clock.wall()


def posted(account_id: int, wamid: str, at: datetime, *, to: str = BUDI) -> int:
    """A message that left at that time, with its attempt."""
    columns: dict[str, Any] = {"status": "sent", "sent_at": at, "meta_message_id": wamid}
    (one,) = stored.messages(account_id, [columns | {"recipient": to}])
    sent(one, wamid, posted_at=at)
    return one


def shown(message_id: int) -> list[tuple[str | None, bool]]:
    return [(one.text, one.answers) for one in read(message_id).replies]


def test_each_message_has_what_came_after_it_until_the_next_one_left() -> None:
    orders = stored.account()
    first = posted(orders, "wamid.A", NOW - 3 * HOUR)
    second = posted(orders, "wamid.B", NOW - HOUR)
    for text, ago in (("before", 4), ("late", 0.5), ("soon", 2.5), ("later", 2)):
        heard.write(text, sender=BUDI, at=NOW - ago * HOUR)
    assert shown(first) == [("soon", False), ("later", False)]
    assert shown(second) == [("late", False)]


def test_a_reply_that_quotes_a_message_is_shown_there_and_nowhere_else() -> None:
    orders = stored.account()
    first = posted(orders, "wamid.A", NOW - 30 * 24 * HOUR)
    second = posted(orders, "wamid.B", NOW - HOUR)
    heard.write("to the first", sender=BUDI, context={"id": "wamid.A"})
    heard.write("to the second", sender=BUDI, context={"id": "wamid.B"})
    heard.write("to their own", sender=BUDI, context={"id": "wamid.in.0"})
    assert shown(first) == [("to the first", True)]
    assert shown(second) == [("to the second", True), ("to their own", False)]


def test_others_other_numbers_and_what_nobody_wrote_are_left_out() -> None:
    orders, _ = stored.account("Orders"), stored.account("Support")
    one = posted(orders, "wamid.A", NOW - HOUR)
    heard.write("somebody else", sender=given.recipient(2))
    heard.write("to another number", sender=BUDI, to="id of Support")
    heard.write(sender=BUDI, type="system", system={"body": "changed number"})
    heard.write("theirs", sender=BUDI)
    assert shown(one) == [("theirs", False)]


def test_after_a_week_nothing_counts_as_written_after_it() -> None:
    orders = stored.account()
    one = posted(orders, "wamid.A", NOW - replies.FOR - HOUR)
    heard.write("a week later", sender=BUDI)
    heard.write("within it", sender=BUDI, at=NOW - 2 * HOUR)
    assert shown(one) == [("within it", False)]


def test_what_came_in_the_second_in_which_it_was_posted_came_after_it() -> None:
    """Meta tells whole seconds."""
    at = (NOW - HOUR).replace(microsecond=900_000)
    one = posted(stored.account(), "wamid.A", at)
    heard.write("at once", sender=BUDI, at=at.replace(microsecond=0))
    assert shown(one) == [("at once", False)]


def test_no_more_than_can_be_read_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "MOST", 2)
    one = posted(stored.account(), "wamid.A", NOW - HOUR)
    for minute in range(4):
        heard.write(f"{minute}", sender=BUDI, at=NOW - timedelta(minutes=10 - minute))
    assert shown(one) == [("0", False), ("1", False)]


def test_what_was_never_posted_has_no_replies() -> None:
    (one,) = stored.messages(stored.account(), [{"recipient": BUDI}])
    heard.write(sender=BUDI)
    assert shown(one) == []


@pytest.mark.parametrize(
    ("told", "title", "said"),
    [
        ({"context": {"id": "wamid.A"}}, "They answered it", ("Yes",)),
        ({}, "They wrote after it", ("Yes",)),
        ({"type": "sticker"}, "They wrote after it", ("a sticker",)),
        (
            {"type": "image", "image": {"caption": "Look"}},
            "They wrote after it",
            ("a picture: Look",),
        ),
        ({"type": "new_kind"}, "They wrote after it", ("something without words",)),
        (
            {"type": "reaction", "reaction": {"message_id": "wamid.A", "emoji": "👍"}},
            "They reacted to it",
            ("👍",),
        ),
        (
            {"type": "reaction", "reaction": {"message_id": "wamid.A"}},
            "They took back their reaction",
            (),
        ),
    ],
)
def test_what_happened_tells_it_in_words(told: Any, title: str, said: tuple[str, ...]) -> None:
    one = posted(stored.account(), "wamid.A", NOW - HOUR)
    heard.write(sender=BUDI, **told)
    line = happened.lines(read(one), now=clock.wall(), zone="UTC")[-1]
    assert (line.title, line.sentences) == (title, said)
