"""What is read of a template's form, and by what it is known again."""

from typing import Any

import pytest

from core import shapes


@pytest.mark.parametrize(
    ("component", "told"),
    [
        ({"type": "HEADER", "format": "LOCATION"}, "header is of a kind"),
        ({"type": "CAROUSEL", "cards": []}, "a part that Outbox cannot fill (carousel)"),
        ({"type": "BUTTONS", "buttons": [{"type": "COPY_CODE"}]}, "(copy code)"),
        ({"type": "BUTTONS", "buttons": [{"type": "OTP", "text": "Copy"}]}, "(otp)"),
    ],
)
def test_a_shape_that_cannot_be_filled_says_why(component: dict[str, Any], told: str) -> None:
    shape = shapes.shape([{"type": "BODY", "text": "Hello"}, component], "POSITIONAL")
    assert shape.unfillable and told in shape.unfillable


def test_the_digest_changes_with_the_words_the_shape_and_the_category_only() -> None:
    one = [{"type": "BODY", "text": "Hello {{1}}"}]
    other = [{"type": "BODY", "text": "Hallo {{1}}"}]
    made = shapes.digest("UTILITY", "POSITIONAL", one)
    assert made == shapes.digest("UTILITY", None, one)
    assert (
        len(
            {
                made,
                *(
                    shapes.digest(c, f, p)
                    for c, f, p in (
                        ("MARKETING", None, one),
                        ("UTILITY", "NAMED", one),
                        ("UTILITY", None, other),
                    )
                ),
            }
        )
        == 4
    )
