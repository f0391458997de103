"""Who writes a stop word, or presses such a button, is on the list from then on.

What is pending for them is refused by the claim, and cancelled by whoever applies webhooks. Nobody
comes off the list by a word: a START may be a joke of a child, and a person can ask why.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from sqlmodel import Session

from core import audit, covering, db, house_rules, optouts
from core.inbound import Heard
from core.optout_file import BY_WORD, EVERYTHING, LONGEST, MARKETING, Wish

THEMSELVES = "themselves"  # who put them there
_WORDS = ("text", "button", "interactive")  # kinds whose text is what they said
AT_ONCE = 1_000  # wishes that the list takes


def says_stop(text: str | None, words: Iterable[str]) -> bool:
    """Whether a text is exactly one of the words, in capitals or not, whatever marks are around."""
    said = _bare(text or "")
    return bool(said) and said in map(_bare, words)


def _bare(text: str) -> str:
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def heed(session: Session, heard: Sequence[Heard]) -> list[str]:
    """Put on the list who wrote so, once; returns the numbers that were not on it.

    A transaction that comes here touches no message after.
    """
    words = house_rules.stop_words(session) if heard else ()
    said = [one for one in heard if one.kind in _WORDS and says_stop(one.text, words)]
    wishes = [_wish(session, one) for one in said]
    new: list[Wish] = []
    for start in range(0, len(wishes), AT_ONCE):
        new += optouts.put(session, wishes[start : start + AT_ONCE], THEMSELVES)
    for wish in new:
        facts = optouts.facts(wish)
        audit.record_engine(session, "opt-out added", target=wish.number, after=facts)
    return sorted({wish.number for wish in new})


def _wish(session: Session, one: Heard) -> Wish:
    """From every number; of a button beneath a marketing template, marketing alone."""
    scope = MARKETING if one.kind == "button" and _beneath_marketing(session, one) else EVERYTHING
    return Wish(one.number, scope, None, BY_WORD, (one.text or "").strip()[: LONGEST["reason"]])


def _beneath_marketing(session: Session, one: Heard) -> bool:
    found = session.execute(
        db.sql(
            "SELECT 1 FROM attempt a JOIN message m ON m.id = a.message_id"
            " JOIN template t ON t.id = m.template_id WHERE a.meta_message_id = :quoted"
            " AND a.account_id = :account AND t.category = :marketing LIMIT 1"
        ),
        {
            "quoted": one.answers,
            "account": one.account_id,
            "marketing": covering.MARKETING_CATEGORY,
        },
    )
    return found.first() is not None
