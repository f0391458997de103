"""What may leave, and when: posts without a database."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from core import workers
from core.meta import client
from core.meta.answers import Answer, unreached
from core.sending import attempts
from core.sending.engine_time import EngineTime
from core.sending.marks import Marks
from core.sending.posting import Posting

CUT_OFF = workers.STALE_AFTER + 1


@pytest.mark.parametrize("connects_for", [0, CUT_OFF])
def test_a_worker_cut_off_from_its_database_starts_no_post_after_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connects_for: float
) -> None:
    """Whether the ten seconds pass before its slot or while the connection is made."""
    left = []

    async def connecting(*_: Any, before: Callable[[], Awaitable[None]]) -> Answer:
        posts.renewed -= connects_for
        await before()
        left.append(True)
        return unreached("no")

    async def post() -> None:
        posts.renewed = monotonic() - (CUT_OFF - connects_for)
        posts.launch([claim], time.now())
        while not posts.missed:  # noqa: ASYNC110 - it has nobody to tell
            await asyncio.sleep(0.01)

    monkeypatch.setattr(client, "post", connecting)
    time = EngineTime()
    posts = Posting(None, Marks(tmp_path, 1), time, asyncio.Event())  # type: ignore[arg-type]
    claim = attempts.stray(7, 1, 1, time.now())
    asyncio.run(post())
    assert not left and posts.missed == [claim] and not claim.started
