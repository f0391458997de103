"""What has to be so before `make run` starts the programs: free ports, and a number to try."""

import socket

from core import accounts, businesses
from core.access import Actor, Role
from core.errors import Misconfigured
from core.settings import settings

TRIAL = Actor("make run", Role.ADMIN)
NUMBER, WABA = "100000000000001", "100200300400500"  # the sandbox's


def check_ports() -> None:
    """Raise Misconfigured naming the port that is taken, and the variable that moves it."""
    chosen = settings()
    ports = {"OUTBOX_DASHBOARD_PORT": chosen.dashboard_port}
    if chosen.training:
        ports["OUTBOX_SANDBOX_PORT"] = chosen.sandbox_port
    if len(set(ports.values())) < len(ports):
        raise Misconfigured(f"{' and '.join(ports)} are both {chosen.sandbox_port}.")
    for variable, port in ports.items():
        with socket.socket() as probe:
            # As a server does: a connection that has just ended does not keep its port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise Misconfigured(
                    f"Port {port} is taken. Is Outbox running already? "
                    f"Another port: {variable}={port + 1} make run"
                ) from None


def add_trial_account() -> None:
    """A number of the sandbox to try Outbox with, where there is none yet and nothing can leave."""
    if not settings().training:
        return
    known = accounts.everything()
    if not known:
        accounts.add(
            name="Sandbox",
            phone_number_id=NUMBER,
            token="sandbox",
            waba_id=WABA,  # a worker reads its templates
            country="ID",
            zone="Asia/Jakarta",
            by=TRIAL,
        )
    for one in known:
        if one.phone_number_id == NUMBER:  # added by 0.1.0, which knew no templates
            businesses.name_waba(one.name, WABA, by=TRIAL)


def programs() -> list[str]:
    """Which programs of the Procfile to start: the sandbox only where the API is this machine."""
    return ["dashboard", "worker", *(["sandbox"] if settings().training else [])]
