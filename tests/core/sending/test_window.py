"""How long proof of an unknown outcome is waited for, where somebody is there to be told."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from core import db, vault, workers
from core.meta.answers import unknown
from core.models import Business
from core.sending import reap
from core.sending.results import Result
from tests import given
from tests.conftest import forget_settings
from tests.core.sending.ticking import Ticks


@pytest.mark.parametrize("whose", ["OUTBOX_APP_SECRET", "a business's"])
def test_the_window_of_an_unknown_outcome_counts_only_while_a_gateway_lives(
    database: str,
    move_clock: Callable[[timedelta], None],
    environment: pytest.MonkeyPatch,
    whose: str,
) -> None:
    """A night without a dashboard proves nothing: nobody was there to be told (decision 6)."""
    ticks, account = Ticks(), given.account(rate=None)
    message = given.message(account)
    [claim] = ticks.run(account).claims
    ticks.run(results=[Result(claim, unknown("no answer"), None, claim.slot_at)])
    _listens(environment, whose)
    hour = timedelta(hours=1)
    move_clock(hour)
    assert reap.close_windows() == 0
    gateway = workers.start("gateway")
    for minutes, closed in ((9.9, 0), (10.1, 1)):
        move_clock(hour + timedelta(minutes=minutes))
        assert workers.renew(gateway)
        assert reap.close_windows() == closed
    row = given.row(message)
    assert (row.status, row.error_class) == ("failed", "unknown")


def _listens(environment: pytest.MonkeyPatch, whose: str) -> None:
    """Webhooks are expected: there is a secret to sign them with, other than the sandbox's."""
    if whose.startswith("OUTBOX"):
        environment.setenv(whose, "our own")
        forget_settings()
        return
    with db.writing() as session:
        session.execute(update(Business).values(app_secret=vault.encrypt("its own")))
