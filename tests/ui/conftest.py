"""Pages in this process, without what Streamlit does before each and no page of ours needs."""

import pytest
import streamlit as st
from streamlit.components.v2.component_manager import BidiComponentManager


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
