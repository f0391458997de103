"""The dashboard: `streamlit run dashboard.py`. One ASGI process, the gateway's routes inside.

The script lies in ui/, away from pages/: with a folder of that name beside it, Streamlit would run
a page's file straight from a deep link, before the frame has run once.
"""

import ctypes
import gc
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from streamlit.runtime.pages_manager import PagesManager

import tasks
from core import clock, logs, schema, users, wake
from core.settings import ROOT, settings
from gateway import audit, evidence, export, files, optouts, public, session, stopping
from gateway.gate import Gate
from gateway.living import living

log = logging.getLogger("outbox.dashboard")


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    wake.plug(tasks.wake_at, tasks.run_operations)
    PagesManager.uses_pages_directory = False  # private: see the first lines, a second lock
    stopping.within_a_second()
    _settle_in()
    async with living():
        print(_banner(), flush=True)
        yield


def _settle_in() -> None:
    """Load what pages need before somebody waits for it, and spare it from garbage collection.

    With Streamlit's collection after each run switched off (`runner.postScriptGC`) this is most
    of a page's speed: 20 busy operators went from 1.3 s to 51 ms at the 95th percentile.
    """
    import altair
    import pandas

    _keep_memory_together()
    altair.Chart(pandas.DataFrame({"a": [1]})).mark_bar().encode(x="a:Q").to_json()
    gc.collect()
    gc.freeze()


def _keep_memory_together() -> None:
    """Let what one thread gave back serve the others: each run of a page has a thread of its own.

    By itself each thread takes from a heap of its own, here and in Arrow, which stay as large as
    their fullest moment: with 20 operators at work the dashboard grew by 3 MB a minute.
    """
    import pyarrow

    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # the C library of Debian
        libc.mallopt(_M_ARENA_MAX, 2)


_M_ARENA_MAX = -8  # malloc.h


def _document(request: Request) -> HTMLResponse:
    """Streamlit's own, told where its server is: at the address of a page it asks below that first,
    and each browser's console has two errors more."""
    told = "<head><script>window.__streamlit={BACKEND_BASE_URL:location.origin}</script>"
    return HTMLResponse(_INDEX.replace("<head>", told, 1), headers={"Cache-Control": "no-cache"})


_INDEX = (Path(st.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
_PAGES = [Route(f"/{path.stem}", _document) for path in sorted((ROOT / "pages").glob("*.py"))]


def _banner() -> str:
    code = users.setup_code()
    url = settings().public_url
    if code is None:
        return f"\n  Outbox is at {url}\n  Sign in at {url}/sign-in\n"
    return (
        f"\n  Outbox is at {url}\n"
        f"  Open {url}/sign-in?code={code} to create the first administrator\n"
    )


def _note_error(error: Exception) -> bool:
    """Log where a page broke, and tell the operator so; True keeps Streamlit from doing it."""
    at = clock.wall().strftime("%Y-%m-%d %H:%M:%S")
    log.error("%s in a page:\n%s", type(error).__name__, logs.where(error))
    st.error(
        "This page could not be finished. Nothing that is scheduled is lost. "
        f"The dashboard's log has the reason, at {at} UTC."
    )
    return True


def _ready_or_exit() -> None:
    if not schema.is_current():
        sys.exit("The database does not have the newest schema. Run: python manage.py migrate")


_ready_or_exit()
logs.keep_words_out()
# Streamlit's own report of the same error quotes it in full.
logging.getLogger("streamlit.error_util").addFilter(lambda record: record.exc_info is None)

app = st.App(
    ROOT / "ui" / "frame.py",
    routes=[
        *session.routes,
        *audit.routes,
        *export.routes,
        *evidence.routes,
        *files.routes,
        *optouts.routes,
        *public.routes,
        *_PAGES,
    ],
    middleware=[Middleware(Gate)],
    lifespan=lifespan,
    on_script_error=_note_error,
)
