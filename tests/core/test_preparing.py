"""What `make run` checks and makes before it starts anything."""

import socket
from collections.abc import Iterator

import pytest

from core import accounts, db, preparing
from core.errors import Misconfigured
from core.models import Business
from tests import given
from tests.conftest import forget_settings
from tests.processes import ports


@pytest.fixture
def chosen(environment: pytest.MonkeyPatch) -> tuple[int, int]:
    """Two free ports, for the dashboard and for the sandbox."""
    dashboard, sandbox = ports(2)
    environment.setenv("OUTBOX_DASHBOARD_PORT", str(dashboard))
    environment.setenv("OUTBOX_SANDBOX_PORT", str(sandbox))
    return dashboard, sandbox


@pytest.fixture
def neighbour() -> Iterator[socket.socket]:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        yield other


def test_free_ports_are_no_reason_to_stop(chosen: tuple[int, int]) -> None:
    preparing.check_ports()


@pytest.mark.parametrize("which", ["OUTBOX_DASHBOARD_PORT", "OUTBOX_SANDBOX_PORT"])
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_named_with_the_setting_that_moves_it(
    chosen: tuple[int, int], neighbour: socket.socket, which: str, address: str
) -> None:
    port = dict(zip(("OUTBOX_DASHBOARD_PORT", "OUTBOX_SANDBOX_PORT"), chosen, strict=True))[which]
    neighbour.bind((address, port))
    neighbour.listen()
    with pytest.raises(Misconfigured) as refused:
        preparing.check_ports()
    assert f"Port {port} is taken" in str(refused.value) and which in str(refused.value)


def test_one_port_for_two_programs_is_told_before_one_of_them_dies_of_it(
    chosen: tuple[int, int], environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("OUTBOX_SANDBOX_PORT", str(chosen[0]))
    with pytest.raises(Misconfigured, match="OUTBOX_DASHBOARD_PORT and OUTBOX_SANDBOX_PORT"):
        preparing.check_ports()


def test_with_an_api_elsewhere_there_is_no_sandbox_and_its_port_does_not_matter(
    chosen: tuple[int, int], environment: pytest.MonkeyPatch, neighbour: socket.socket
) -> None:
    environment.setenv("OUTBOX_API_URL", "https://graph.facebook.com")
    neighbour.bind(("127.0.0.1", chosen[1]))
    neighbour.listen()
    preparing.check_ports()
    assert preparing.programs() == ["dashboard", "worker"]


def test_a_new_installation_has_a_number_of_the_sandbox_to_try_and_only_one(database: str) -> None:
    preparing.add_trial_account()
    preparing.add_trial_account()
    [made] = accounts.everything()
    assert (made.name, made.country, made.zone, made.rate) == ("Sandbox", "ID", "Asia/Jakarta", 1)
    assert made.phone_number_id == "100000000000001"


def test_a_trial_number_of_an_earlier_version_is_given_its_business(sqlite: str) -> None:
    made = given.account("Sandbox", phone_number_id=preparing.NUMBER, token="sandbox")
    preparing.add_trial_account()
    preparing.add_trial_account()
    with db.reading() as session:
        business = session.get_one(Business, accounts.business_of(made))
    assert business.waba_id == preparing.WABA


def test_where_somebody_has_a_number_none_is_added(sqlite: str) -> None:
    given.account("Orders")
    preparing.add_trial_account()
    assert [one.name for one in accounts.everything()] == ["Orders"]


def test_no_number_is_made_up_where_messages_would_really_leave(
    sqlite: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("OUTBOX_API_URL", "https://graph.facebook.com")
    forget_settings()
    preparing.add_trial_account()
    assert accounts.everything() == []
