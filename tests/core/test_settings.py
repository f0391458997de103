from pathlib import Path

import pytest

from core.errors import Misconfigured
from core.settings import settings
from tests.conftest import forget_settings


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("", True),
        ("http://127.0.0.1:8600", True),
        ("http://[::1]:8600", True),
        ("http://localhost:8600", True),
        ("https://graph.facebook.com", False),
        ("http://10.0.0.7:8600", False),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost.example.com", False),
    ],
)
def test_a_test_clock_is_refused_unless_the_api_is_on_loopback(
    environment: pytest.MonkeyPatch, tmp_path: Path, url: str, allowed: bool
) -> None:
    """A clock that a test moves must never decide what leaves for real people."""
    environment.setenv("OUTBOX_API_URL", url)
    environment.setenv("OUTBOX_TEST_CLOCK", str(tmp_path / "clock"))
    forget_settings()
    if allowed:
        assert settings().test_clock
        return
    with pytest.raises(Misconfigured, match=r"TEST_CLOCK.*loopback"):
        settings()
