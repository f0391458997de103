"""Settings from the environment (`OUTBOX_…`) and from a `.env` file beside the code."""

import re
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import Misconfigured

ROOT = Path(__file__).resolve().parent.parent
SANDBOX_SECRET = "sandbox"


class Settings(BaseSettings):
    """Everything that differs between two installations; the README lists each with its meaning."""

    model_config = SettingsConfigDict(env_prefix="OUTBOX_", env_file=ROOT / ".env", extra="ignore")

    data_dir: Path = ROOT / "data"
    database_url: str = ""
    queue_url: str = ""
    api_url: str = ""
    api_version: str = "v25.0"
    secret_key: str = ""
    app_secret: str = ""
    webhook_verify_token: str = ""
    public_url: str = ""
    dashboard_port: int = Field(default=8501, ge=1, le=65535)
    sandbox_port: int = Field(default=8600, ge=1, le=65535)
    session_hours: float = Field(default=12, gt=0)
    undelivered_hours: float = Field(default=24, gt=0)
    min_lead_seconds: int = Field(default=300, ge=0)
    retry_delays: Annotated[tuple[int, ...], NoDecode] = (60, 300, 900, 1800, 3600)
    stop_words: Annotated[tuple[str, ...], NoDecode] = (
        "STOP",
        "STOP PROMOTIONS",
        "UNSUBSCRIBE",
        "BERHENTI",
    )
    test_number: str = Field(default="", pattern=r"^(\+[0-9]{7,15})?$")
    worker_max_hours: float = Field(default=24, ge=0)
    worker_max_megabytes: float = Field(default=1024, ge=0)
    test_clock: Path | None = None

    @field_validator("retry_delays", "stop_words", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("retry_delays")
    @classmethod
    def _positive(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or min(value) <= 0:
            raise ValueError("needs seconds above zero, separated by commas")
        return value

    @model_validator(mode="after")
    def _defaults(self) -> "Settings":
        self.data_dir = self.data_dir.resolve()
        self.database_url = self.database_url or f"sqlite:///{self.data_dir / 'outbox.db'}"
        self.queue_url = self.queue_url or str(self.data_dir / "queue.db")
        self.api_url = (self.api_url or f"http://127.0.0.1:{self.sandbox_port}").rstrip("/")
        self.public_url = (self.public_url or f"http://127.0.0.1:{self.dashboard_port}").rstrip("/")
        if self.training and not self.app_secret:
            self.app_secret = SANDBOX_SECRET
        if self.test_clock and not self.training:
            raise ValueError("a test clock is refused unless the API is on loopback")
        return self

    @property
    def training(self) -> bool:
        """Whether the API is on this machine, so that nothing that is sent leaves it."""
        host = urlsplit(self.api_url).hostname or ""
        if host == "localhost":
            return True
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return False


@lru_cache
def settings() -> Settings:
    """The settings of this process, read once. Raises Misconfigured naming each variable."""
    try:
        found = Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"OUTBOX_{str(e['loc'][0]).upper() if e['loc'] else 'TEST_CLOCK'}: {e['msg']}"
            for e in error.errors()
        )
        raise Misconfigured(wrong) from None
    found.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    return found


_SECRET = {"secret_key", "app_secret", "webhook_verify_token"}
_WITH_PASSWORD = {"database_url", "queue_url"}


def shown() -> dict[str, str]:
    """Every setting as it is in force, by its name; of a secret only whether it is set."""
    found = {}
    for name, value in settings():
        text = (
            ",".join(map(str, value))
            if isinstance(value, tuple)
            else ""
            if value is None
            else str(value)
        )
        if name in _SECRET:
            text = "set" if text else ""
        elif name in _WITH_PASSWORD:
            text = re.sub(r"//.*@", "//…@", text)
            text = re.sub(r"(password=)[^&]*", r"\1…", text, flags=re.IGNORECASE)
        found[name] = text or "not set"
    return found
