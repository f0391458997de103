"""What a person sees of a page that ran in this process."""

import json
from typing import Any, NamedTuple

from pandas import DataFrame
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from core.access import Actor, Role
from core.settings import ROOT

OLGA = Actor("olga", Role.OPERATOR)


class Drawn(NamedTuple):
    """A drawing as the browser gets it."""

    spec: dict[str, Any]
    data: dict[str, DataFrame]


def messages_page() -> AppTest:
    """The page Messages, which has run."""
    return AppTest.from_file(str(ROOT / "pages" / "messages.py"), default_timeout=20).run()


def html(at: AppTest) -> str:
    """All that the page wrote itself; fails where it broke."""
    assert not at.exception, at.exception
    return "\n".join(element.proto.body for element in at.get("html"))


def labels(at: AppTest) -> list[str]:
    """The words on its buttons; fails where it broke."""
    assert not at.exception, at.exception
    return [one.label for one in at.button]


def drawings(at: AppTest) -> list[Drawn]:
    """In the order of the page; fails where it broke."""
    assert not at.exception, at.exception
    return [
        Drawn(
            json.loads(one.proto.spec),
            {
                each.name: convert_arrow_bytes_to_pandas_df(each.data.data)
                for each in one.proto.datasets
            },
        )
        for one in at.get("vega_lite_chart")
    ]
