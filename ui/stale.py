"""What Streamlit keeps of widgets that are gone: each with its callbacks, and all that these hold.

It keeps them as long as the browser's tab is open, so a day of turning pages of a selection would
be a day of pages in memory. Private attributes, of the version that requirements.txt pins.
"""

from streamlit.runtime.scriptrunner import get_script_run_ctx


def forget() -> None:
    """At the beginning of a run of the whole page, when the callbacks of the last have run."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return
    state = context.session_state._state
    widgets = state._new_widget_state
    there = widgets.states.keys() | state._old_state.keys()
    for gone in widgets.widget_metadata.keys() - there:
        del widgets.widget_metadata[gone]
