"""What is gone from a page is gone from the server's memory, and what is there still works."""

from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from ui import stale

    stale.forget()
    turn = st.session_state.setdefault("turn", 0)

    def on(step: int) -> None:
        st.session_state["turn"] += step

    st.button("On", key=f"on-{turn}", on_click=on, args=(1,))
    st.text_input("Stays", key="stays")
    st.session_state["known"] = len(
        st.runtime.scriptrunner.get_script_run_ctx().session_state._state._new_widget_state.widget_metadata
    )


def test_a_session_keeps_no_widget_that_is_gone_and_each_new_one_is_heard() -> None:
    at = AppTest.from_function(page).run()
    at.text_input[0].set_value("typed").run()
    for turn in range(12):
        assert at.session_state["turn"] == turn
        at.button[0].click().run()
    assert at.session_state["turn"] == 12
    assert at.text_input[0].value == "typed"
    assert at.session_state["known"] <= 3
