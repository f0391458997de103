"""What the page Accounts shows of each number, beside what waits for it."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import col

from core import db
from core.models import Account, Business

_ORDER = ("paused", "active", "retired")


@dataclass(frozen=True)
class Card:
    """A number with the business whose token it uses, and who else uses that (`shares`)."""

    account: Account
    business: Business
    shares: tuple[str, ...]


def cards() -> list[Card]:
    """Those that need somebody first, the retired last, each by name."""
    with db.reading() as session:
        found = session.execute(
            select(Account, Business).join(Business, col(Business.id) == col(Account.business_id))
        ).all()
    sharing = defaultdict(list)
    for account, _ in found:
        sharing[account.business_id].append(account.name)
    made = [
        Card(account, business, tuple(sorted(set(sharing[business.id]) - {account.name})))
        for account, business in found
    ]
    return sorted(made, key=lambda card: (_ORDER.index(card.account.state), card.account.name))


def card(account_id: int) -> Card | None:
    """One of them; None where there is none."""
    return next((one for one in cards() if one.account.id == account_id), None)
