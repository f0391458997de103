"""What was chosen for the columns of one file is offered for the next with the same headings."""

from typing import Any

import pytest

from core import db, remembered
from core.models import Batch

pytestmark = pytest.mark.usefixtures("database")


def loaded(**plan: Any) -> None:
    with db.writing() as session:
        made = Batch(name="b", created_at=db.now(session), created_by="ana", arguments=plan)
        session.add(made)


def test_the_newest_file_with_a_column_of_that_name_tells_what_it_is() -> None:
    loaded(columns={"recipient": "Contact", "reference": "No"})
    loaded(columns={"recipient": "Contact", "label": "No"})
    assert remembered.columns(["Contact", "No", "Else"]) == {"recipient": "Contact", "label": "No"}
    assert remembered.columns(["Else"]) == {}


def test_a_column_is_remembered_for_one_field_only() -> None:
    loaded(columns={"recipient": "A", "reference": "A"})
    assert remembered.columns(["A"]) == {"recipient": "A"}


def test_parameters_are_remembered_by_their_template() -> None:
    fills = {"name": {"column": "Patient", "fixed": ""}, "shop": {"column": None, "fixed": "North"}}
    loaded(template="reminder", parameters=fills)
    loaded(template="other", parameters={})
    expected = {"name": ("Patient", ""), "shop": (None, "North")}
    assert remembered.parameters(["Patient", "Phone"], "reminder") == expected
    assert remembered.parameters(["Phone"], "reminder") == {}
    assert remembered.parameters(["Patient"], "other") == {}


def test_the_same_columns_begin_with_the_template_that_they_filled() -> None:
    fills = {"name": {"column": "Patient", "fixed": ""}, "shop": {"column": None, "fixed": "North"}}
    used = {"columns": {"recipient": "Phone"}, "language": "id"}
    loaded(template="reminder", parameters=fills, **used)
    assert remembered.template(["Patient", "Phone", "problem"]) == ("reminder", "id")
    assert remembered.template(["Phone"]) is None
    loaded(template="", parameters={}, columns={"recipient": "Phone"}, language="")
    assert remembered.template(["Patient", "Phone"]) is None, "the newest had a text"
    loaded(template="", parameters=fills, **used)
    assert remembered.template(["Patient", "Phone"]) is None, "each row had its own template"
