"""Whether a number can send and is heard of: against the sandbox, and against what goes wrong."""

import json
from typing import Any

import pytest
import requests

from core import accounts, checking
from core.checking import Checked
from core.errors import Invalid
from tests import given
from tests.conftest import forget_settings
from tests.core.meta.servers import Behaviour, Connection, server
from tests.processes import Programs

WABA = "100200300400500"


def said(found: Checked) -> dict[str, bool | None]:
    return {one.field: one.well for one in found.findings}


def test_all_is_well_against_the_sandbox_and_what_meta_says_is_kept(
    sqlite: str, programs: Programs
) -> None:
    given.account("Orders", phone_number_id="5001", waba_id=WABA)
    found = checking.check("orders", by=given.ANA)
    assert found.well and not found.refused and not found.doubts
    assert list(said(found)) == ["token", "phone_number_id", "waba_id", "webhook"]
    [account] = accounts.everything()
    assert (account.display_phone, account.quality) == ("+62 21 555 005001", "GREEN")
    assert account.checked_at


def test_each_fault_is_told_at_its_field_with_its_cure(sqlite: str, programs: Programs) -> None:
    token = checking.ask("5001", "expired token".replace(" ", "-"))
    assert [one.field for one in token.refused] == ["token"]
    assert "(190). Generate another one" in token.refused[0].message
    number = checking.ask("99901", "good")
    assert [one.field for one in number.refused] == ["phone_number_id"]
    assert "no number with the id 99901" in number.refused[0].message
    other = checking.ask("5001", "good", "77")
    assert [one.field for one in other.refused] == ["waba_id"]
    hook = f"{programs.api}/_sandbox/settings"
    elsewhere = {"webhooks": {"url": "https://elsewhere.example/hook"}}
    requests.post(hook, json=elsewhere, timeout=5).raise_for_status()
    deaf = checking.ask("5001", "good")
    assert not deaf.refused and [one.field for one in deaf.doubts] == ["webhook"]
    assert "to https://elsewhere.example/hook, not to" in deaf.doubts[0].told
    assert "callback URL" in deaf.doubts[0].cure


def test_what_is_no_number_and_no_token_is_not_asked_about() -> None:
    with pytest.raises(Invalid) as refused:
        checking.ask("+62 812", "", "Orders")
    assert [one.field for one in refused.value.problems] == ["phone_number_id", "token", "waba_id"]


def answering(**node: Any) -> Behaviour:
    def behave(connection: Connection) -> None:
        while asked := connection.request():
            empty = b"/subscribed_apps" in asked.split(b"\r\n")[0]
            numbers = b"/phone_numbers" in asked.split(b"\r\n")[0]
            told = {"data": [{"id": "5001"}] if numbers else []} if empty or numbers else node
            body = json.dumps(told).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.send(head.encode() + body)

    return behave


def asked_of(environment: pytest.MonkeyPatch, behave: Behaviour) -> Checked:
    with server(behave) as elsewhere:
        environment.setenv("OUTBOX_API_URL", elsewhere.url)
        forget_settings()
        return checking.ask("5001", "good", "77")


def test_a_number_that_is_not_connected_and_a_business_without_an_app_are_told(
    environment: pytest.MonkeyPatch,
) -> None:
    found = asked_of(environment, answering(status="PENDING", webhook_configuration={}))
    assert [one.message for one in found.refused] == [
        "The number cannot send: Meta calls it pending."
        " Finish its registration in WhatsApp Manager > Phone numbers."
    ]
    told = [one.told for one in found.doubts]
    assert told[0].startswith("No app is subscribed to the WABA 77")
    assert told[1] == "Meta has no address to report deliveries to."
    assert "/77/subscribed_apps" in found.doubts[0].cure


def test_the_nearest_address_of_a_webhook_counts(environment: pytest.MonkeyPatch) -> None:
    addresses = {"application": "https://app.example", "phone_number": "https://own.example"}
    found = asked_of(environment, answering(webhook_configuration=addresses))
    assert any("https://own.example" in one.told for one in found.doubts)


def test_where_meta_is_not_reached_nobody_can_tell(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OUTBOX_API_URL", "http://127.0.0.1:1")
    forget_settings()
    found = checking.ask("5001", "good")
    assert said(found) == {"phone_number_id": None}
    assert not found.refused and "could not be reached" in found.doubts[0].told
