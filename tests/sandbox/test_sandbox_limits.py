"""Throughput and pair limit, exactly."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.limits import Bucket, Pairs, throughput_bucket


def taken(bucket: Bucket, times) -> int:
    return sum(bucket.take(at) for at in times)


def test_eighty_pass_at_once_and_then_one_each_eightieth_of_a_second():
    bucket = throughput_bucket(80)
    assert taken(bucket, [100.0] * 200) == 80
    assert not bucket.take(100 + 0.0124)
    assert bucket.take(100 + 0.0125)
    assert not bucket.take(100 + 0.0125)
    assert taken(bucket, (101.0 + i / 1000 for i in range(10_001))) == 79 + 80 * 10


def test_a_steady_rate_below_the_limit_is_never_refused():
    bucket = throughput_bucket(80)
    assert taken(bucket, (i / 79.9 for i in range(10_000))) == 10_000


def test_a_refused_send_costs_nothing():
    bucket = throughput_bucket(1)
    assert taken(bucket, [5.0, 5.1, 5.2, 5.3, 6.0]) == 2


def test_one_recipient_takes_45_at_once_and_one_more_each_six_seconds():
    pairs = Pairs()
    assert sum(pairs.take("1", "62812", 50.0) for _ in range(60)) == 45
    assert not pairs.take("1", "62812", 55.999)
    assert pairs.take("1", "62812", 56.0)
    assert not pairs.take("1", "62812", 56.0)
    assert pairs.take("1", "62813", 56.0)
    assert pairs.take("2", "62812", 56.0)
    assert sum(pairs.take("1", "62812", 1000.0) for _ in range(60)) == 45


@pytest.fixture
def burst(api):
    """Sends n texts at once to n people; the codes of the answers, 0 for accepted."""
    people = itertools.count(62_811_000_000)

    def send(count: int, node: str = "5001") -> list[int]:
        with ThreadPoolExecutor(8) as pool:
            texts = (f"+{next(people)}" for _ in range(count))
            bodies = pool.map(lambda to: api.text(to, node=node).json(), texts)
            return [body.get("error", {}).get("code", 0) for body in bodies]

    return send


def test_over_the_throughput_a_send_is_130429_with_http_429(api, burst):
    api.admin("settings", {"numbers": {"5001": {"throughput": 2}}})
    started = time.monotonic()
    codes = burst(30)
    most = 2 + 2 * (time.monotonic() - started)
    assert 2 <= codes.count(0) <= most
    assert set(codes) == {0, 130429}
    assert len(api.ledger()) == codes.count(0)
    answer = api.text("+6281100000000")
    assert answer.status_code == 429
    assert answer.json()["error"]["message"] == "(#130429) Rate limit hit"


def test_one_number_over_its_throughput_does_not_slow_another(api, burst):
    api.admin("settings", {"numbers": {"5001": {"throughput": 0.01}}})
    assert sorted(burst(2)) == [0, 130429]
    assert burst(2, node="5002") == [0, 0]


def test_throughput_can_be_taken_away_and_the_node_tells_it(api, burst):
    assert api.get("/v25.0/5001?fields=throughput").json()["throughput"] == {"level": "STANDARD"}
    api.admin("settings", {"numbers": {"*": {"throughput": None}}})
    assert burst(200, node="5009") == [0] * 200
    assert api.get("/v25.0/5009?fields=throughput").json()["throughput"] == {"level": "HIGH"}


def test_the_forty_sixth_message_to_one_person_is_131056(api):
    api.admin("settings", {"numbers": {"*": {"throughput": None}}})
    started = time.monotonic()
    answers = [api.text("+6281234567890") for _ in range(46)]
    assert time.monotonic() - started < 6, "too slow to tell a refill from a fault"
    assert [answer.status_code for answer in answers] == [200] * 45 + [429]
    assert answers[-1].json()["error"]["code"] == 131056
    assert "pair rate limit" in answers[-1].json()["error"]["message"]
    assert api.text("+6281234567891").status_code == 200
    assert api.text("+6281234567890", node="5002").status_code == 200
