"""What a person does may be about many: whatever was taken for more than a cap is counted anew."""

import pytest
from streamlit.testing.v1 import AppTest

from core import plenty

pytestmark = pytest.mark.usefixtures("sqlite")


def _doing() -> None:
    import streamlit as st

    from ui import asking

    if st.button("Do it"):
        asking.carry_out(lambda: None)


def test_after_an_action_everything_is_counted_anew() -> None:
    plenty.note("all", beyond=True)
    assert plenty.still("all")
    AppTest.from_function(_doing).run(timeout=10).button[0].click().run()
    assert not plenty.still("all")
