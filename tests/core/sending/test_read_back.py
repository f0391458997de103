"""After a tick that failed: what is known in memory is neither given back nor sent again."""

from core import db
from core.meta.answers import Answer, unknown
from core.meta.codes import classify
from core.sending.posting import Posting
from core.sending.results import Result
from tests import given
from tests.core.sending.ticking import Ticks


def _posting() -> Posting:
    posts = Posting.__new__(Posting)
    posts.claims, posts.results = {}, []
    return posts


def test_a_result_that_waits_while_a_tick_fails_is_settled_as_what_it_was(database: str) -> None:
    """It was taken for a lost claim, given back, and sent a second time."""
    ticks, orders = Ticks(), given.account(rate=None)
    lost, refused = given.message(orders), given.message(orders, to=given.recipient(1))
    claims = {one.message_id: one for one in ticks.run(orders, lead=0.1).claims}
    with db.reading() as session:
        now = db.now(session)
    posts = _posting()
    posts.results = [
        Result(claims[lost], unknown("no answer after the request was written"), now, now),
        Result(claims[refused], Answer(classify(131026), code=131026, text="not there"), now, now),
    ]
    # The tick that had them has failed: the next one reads back first.
    done = ticks.run(orders, results=posts.results, held=posts.held, read_back=True)
    assert done.claims == []
    assert [a.outcome for a in given.attempts(lost)] == ["unknown"]
    assert (given.row(lost).status, given.row(lost).error_class) == ("processing", "unknown")
    assert [a.outcome for a in given.attempts(refused)] == ["recipient"]
    assert given.row(refused).status == "failed"
