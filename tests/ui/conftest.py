"""Pages in this process, without what Streamlit does before each and no page of ours needs."""

from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.testing.v1 import AppTest

from core.access import Actor, Role
from core.settings import ROOT
from tests.ui.seen import OLGA


@pytest.fixture(autouse=True)
def no_components(monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads what every installed package says of itself, for components: most of a page's run
    here, and once in a server's life."""
    monkeypatch.setattr(
        BidiComponentManager, "discover_and_register_components", lambda *_, **__: None
    )


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    """A server has one database all its life; here the next test's first file has the same id."""
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def olga(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks at the pages: an operator."""
    monkeypatch.setattr("core.sessions.actor", lambda token: OLGA)


@pytest.fixture
def overview(sqlite: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """The page as a viewer sees it, with what its address says."""
    monkeypatch.setattr("core.sessions.actor", lambda token: Actor("vera", Role.VIEWER))

    def run(**query: str) -> AppTest:
        at = AppTest.from_file(str(ROOT / "pages" / "overview.py"), default_timeout=20)
        for name, value in query.items():
            at.query_params[name] = value
        return at.run()

    return run
