"""What a person sees of a page that ran in this process."""

from streamlit.testing.v1 import AppTest


def html(at: AppTest) -> str:
    """All that the page wrote itself; fails where it broke."""
    assert not at.exception, at.exception
    return "\n".join(element.proto.body for element in at.get("html"))


def labels(at: AppTest) -> list[str]:
    """The words on its buttons; fails where it broke."""
    assert not at.exception, at.exception
    return [one.label for one in at.button]
