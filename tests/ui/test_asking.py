"""What a person does may be about many: whatever was taken for more than a cap is counted anew."""

import pytest
from streamlit.testing.v1 import AppTest

from core import plenty

pytestmark = pytest.mark.usefixtures("sqlite")


def _doing() -> None:
    import streamlit as st

    from ui import asking

    for key, of_one in (("many", False), ("one", True)):
        if st.button(key, key=key):
            asking.carry_out(lambda: None, of_one=of_one)


def test_after_an_action_about_many_everything_is_counted_anew() -> None:
    plenty.note("all", beyond=True)
    at = AppTest.from_function(_doing).run(timeout=10)
    at.button(key="one").click().run()
    assert plenty.still("all"), "one message makes no difference beyond a cap"
    at.button(key="many").click().run()
    assert not plenty.still("all")
