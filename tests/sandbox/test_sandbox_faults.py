"""Every fault by its magic recipient and by an admin request."""

import time

import pytest
import requests

from sandbox.faults import FAULTS, MAGIC_PREFIX

REFUSALS = {
    "unknown_error": (500, 1),
    "service_down": (500, 2),
    "something_wrong": (500, 131000),
    "unavailable": (500, 131016),
    "server_unavailable": (503, 133004),
    "throughput": (429, 130429),
    "pair_limit": (429, 131056),
    "maintenance": (500, 131057),
    "app_limit": (429, 4),
    "waba_limit": (429, 80007),
    "expired_token": (401, 190),
    "account_locked": (403, 131031),
    "not_registered": (400, 133010),
    "payment": (400, 131042),
    "spam_limit": (429, 131048),
    "number_gone": (400, 100),
    "template_paused": (400, 132015),
    "template_missing": (404, 132001),
    "template_disabled": (400, 132016),
    "undeliverable": (400, 131026),
    "window_closed": (400, 131047),
    "not_allowed": (400, 131030),
    "opted_out": (400, 131050),
    "invalid_parameter": (400, 100),
    "unlisted": (400, 199999),
    "unlisted_transient": (500, 199998),
}
LATER = {
    "undeliverable_later": 131026,
    "window_closed_later": 131047,
    "marketing_withheld_later": 131049,
    "opted_out_later": 131050,
    "experiment_later": 130472,
    "held_then_paused": 132015,
}
RAW = {
    "bad_gateway": (502, "text/html", False),
    "bad_gateway_after": (502, "text/html", True),
    "garbage": (200, "application/json", True),
    "no_message_id": (200, "application/json", True),
    "redirect": (302, "text/html", False),
    "empty_500": (500, "text/plain", False),
}
SILENT = {
    "hang_before": (requests.ReadTimeout, False),
    "hang_after": (requests.ReadTimeout, True),
    "hang_after_no_webhooks": (requests.ReadTimeout, True),
    "drop_before": (requests.ConnectionError, False),
    "drop_after": (requests.ConnectionError, True),
}
STATUSES = {"never_delivered": ["sent"], "read_without_delivered": ["sent", "read"]}
ALONE = {"fails_twice", "no_webhooks", "slow"}


def magic(name: str) -> str:
    return f"+{MAGIC_PREFIX}{FAULTS[name][0]}"


@pytest.fixture(params=["magic recipient", "admin request"])
def meet(request, api):
    """Sends a text that meets the fault of this name, asked for in one of the two ways."""

    def send(name: str, **options):
        if request.param == "magic recipient":
            return api.text(magic(name), **options)
        api.admin("faults", {"fault": name, "count": 1})
        return api.text(**options)

    return send


def test_every_fault_is_tried_by_a_test_here():
    tried = REFUSALS.keys() | LATER.keys() | RAW.keys() | SILENT.keys() | STATUSES.keys() | ALONE
    assert tried == FAULTS.keys()


def test_no_two_faults_share_a_magic_recipient():
    digits = [number for number, _ in FAULTS.values()]
    assert len(set(digits)) == len(digits)
    assert all(len(number) == 3 and number.isdigit() for number in digits)


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_has_its_code_and_accepts_nothing(api, meet, name):
    answer = meet(name)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == REFUSALS[name]
    assert api.ledger() == []


def test_refusals_carry_what_meta_says_beside_the_code(api):
    found = {name: api.text(magic(name)).json()["error"] for name in REFUSALS}
    assert found["service_down"]["is_transient"] is True
    assert found["something_wrong"]["is_transient"] is True
    assert found["unlisted_transient"]["is_transient"] is True
    assert "is_transient" not in found["unlisted"]
    assert found["expired_token"]["error_subcode"] == 463
    assert found["expired_token"]["message"].startswith("Error validating access token")
    assert found["number_gone"]["error_subcode"] == 33
    assert found["number_gone"]["type"] == "GraphMethodException"
    assert "more than 24 hours" in found["window_closed"]["error_data"]["details"]


@pytest.mark.parametrize("name", LATER)
def test_a_later_failure_is_accepted_and_then_told_by_webhook(api, hook, until, meet, name):
    answer = meet(name, biz_opaque_callback_data="mine")
    wamid = answer.json()["messages"][0]["id"]
    status = until(lambda: hook.statuses(wamid))[0]
    assert hook.names(wamid) == ["failed"]
    assert status["errors"][0]["code"] == LATER[name]
    assert {"title", "message", "error_data", "href"} < status["errors"][0].keys()
    assert status["biz_opaque_callback_data"] == "mine"
    assert "pricing" not in status


def test_a_template_held_for_quality_says_so(api):
    template = {"name": "hello_world", "language": {"code": "en_US"}}
    head = {"messaging_product": "whatsapp", "to": magic("held_then_paused"), "type": "template"}
    message = api.post(head | {"template": template}).json()["messages"][0]
    assert message["message_status"] == "held_for_quality_assessment"


@pytest.mark.parametrize("name", RAW)
def test_an_answer_that_is_not_the_apis(api, meet, name):
    status, kind, accepted = RAW[name]
    answer = meet(name)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith(kind)
    assert b'"messages"' not in answer.content
    assert b'"error"' not in answer.content
    assert len(api.ledger()) == accepted


def test_a_redirect_names_a_place(api):
    assert api.text(magic("redirect")).headers["Location"].startswith("https://")


@pytest.mark.parametrize("name", SILENT)
def test_no_answer_at_all(api, meet, name):
    kind, accepted = SILENT[name]
    with pytest.raises(kind):
        meet(name, timeout=0.4)
    assert len(api.ledger()) == accepted


@pytest.mark.parametrize("name", ["hang_after", "drop_after", "bad_gateway_after", "garbage"])
def test_what_was_accepted_without_a_good_answer_still_sends_webhooks(api, hook, until, meet, name):
    try:
        meet(name, timeout=0.3, biz_opaque_callback_data="lost")
    except requests.RequestException:
        assert name in SILENT
    until(lambda: len(hook.statuses()) == 3)
    assert {status["biz_opaque_callback_data"] for status in hook.statuses()} == {"lost"}


@pytest.mark.parametrize("name", STATUSES)
def test_only_some_statuses_ever_come(api, hook, until, meet, name):
    wamid = meet(name).json()["messages"][0]["id"]
    after = api.text("+6281299999999").json()["messages"][0]["id"]
    until(lambda: len(hook.statuses(after)) == 3)
    assert hook.names(wamid) == STATUSES[name]


@pytest.mark.parametrize("name", ["no_webhooks", "hang_after_no_webhooks"])
def test_an_accepted_message_may_never_be_heard_of_again(api, hook, until, name):
    api.admin("faults", {"fault": name})
    try:
        api.text(timeout=0.3)
    except requests.ReadTimeout:
        assert name.startswith("hang")
    after = api.text("+6281299999999").json()["messages"][0]["id"]
    until(lambda: len(hook.statuses(after)) == 3)
    assert {status["id"] for status in hook.statuses()} == {after}
    assert len(api.ledger()) == 2


def test_a_slow_answer_comes_after_three_seconds(api, meet):
    started = time.monotonic()
    assert meet("slow").status_code == 200
    assert 3 <= time.monotonic() - started < 5


def test_fails_twice_then_succeeds_each_time_anew(api):
    for _ in range(2):
        codes = [api.text(magic("fails_twice")).status_code for _ in range(3)]
        assert codes == [500, 500, 200]
    api.admin("faults", {"fault": "fails_twice"})
    assert [api.text().status_code for _ in range(3)] == [500, 500, 200]


def test_an_order_lasts_for_its_count_and_only_where_it_was_asked_for(api):
    order = {"fault": "unavailable", "count": 2, "phone_number_id": "5001", "to": "+6281"}
    api.admin("faults", order)
    assert api.text("+6282").status_code == 200
    assert api.text("+6281", node="5002").status_code == 200
    assert api.get("/_sandbox/faults").json() == [
        {"fault": "unavailable", "left": 2, "phone_number_id": "5001", "to": "+6281"}
    ]
    assert [api.text("+6281").status_code for _ in range(3)] == [500, 500, 200]
    assert api.get("/_sandbox/faults").json() == []


def test_an_order_without_end_lasts_until_it_is_cleared(api):
    api.admin("faults", {"fault": {"code": 131016, "status": 418}, "count": None})
    assert [api.text().status_code for _ in range(5)] == [418] * 5
    api.session.delete(f"{api.url}/_sandbox/faults", timeout=5)
    assert api.text().status_code == 200


def test_any_code_can_be_ordered(api):
    api.admin("faults", {"fault": {"code": 777777, "status": 503, "is_transient": True}})
    answer = api.text()
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == 777777
    assert answer.json()["error"]["is_transient"] is True


@pytest.mark.parametrize(
    "wrong",
    [{}, {"fault": "bad_luck"}, {"fault": {"status": 500}}, {"fault": "slow", "count": 0}, []],
)
def test_an_order_that_makes_no_sense_is_refused(api, wrong):
    answer = api.session.post(f"{api.url}/_sandbox/faults", json=wrong, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_the_drama_range_itself_is_ordinary_where_no_fault_has_the_digits(api):
    assert api.text("+447700900999").status_code == 200


def test_an_answer_can_be_late_by_a_set_time(api):
    api.admin("settings", {"latency_ms": 300})
    started = time.monotonic()
    api.text()
    assert time.monotonic() - started >= 0.3
