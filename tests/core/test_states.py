"""The state machine as data: what it does not name, nothing does."""

import pytest

from core.states import TRANSITIONS, Cause, Status, sources


@pytest.mark.parametrize("to", Status)
def test_nothing_leads_anywhere_by_a_cause_that_the_table_does_not_name(to: Status) -> None:
    for cause in Cause:
        named = {old for (old, new), causes in TRANSITIONS.items() if new == to and cause in causes}
        if named:
            assert set(sources(to, cause)) == named
        else:
            with pytest.raises(ValueError):
                sources(to, cause)
