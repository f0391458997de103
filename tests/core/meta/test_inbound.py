"""What people write, whatever of it Meta tells and however it is told."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.meta import inbound
from core.meta.inbound import InboundMessage
from tests.contract import description, problems
from tests.core import heard

RECEIVED = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
BUDI = "+628123456789"


def read(body: str) -> list[InboundMessage | str]:
    return list(inbound.read(json.loads(body), RECEIVED))


def one(**also: Any) -> InboundMessage:
    (found,) = read(heard.body(heard.message(sender=BUDI) | also, to="5001"))
    assert isinstance(found, InboundMessage)
    return found


def test_a_text_as_meta_documents_it() -> None:
    told = one(id="wamid.X", timestamp="1750030073", context={"from": "62811", "id": "wamid.A"})
    assert told == InboundMessage(
        wamid="wamid.X",
        phone_number_id="5001",
        sender=BUDI,
        kind="text",
        text="Yes",
        answers="wamid.A",
        at=datetime(2025, 6, 15, 23, 27, 53, tzinfo=UTC),
    )


REPLIES: list[tuple[str, Any, str | None]] = [
    ("button", {"payload": "p-1", "text": "Stop promotions"}, "Stop promotions"),
    ("button", {"payload": "p-1"}, "p-1"),
    ("interactive", {"type": "button_reply", "button_reply": {"id": "1", "title": "Yes"}}, "Yes"),
    ("interactive", {"type": "list_reply", "list_reply": {"id": "1", "title": "Late"}}, "Late"),
    ("interactive", {"type": "nfm_reply", "nfm_reply": {"body": "Sent", "name": "flow"}}, "Sent"),
    ("image", {"id": "1", "mime_type": "image/jpeg", "caption": "Here it is"}, "Here it is"),
    ("image", {"id": "1", "mime_type": "image/jpeg"}, None),
    ("document", {"id": "1", "filename": "bill.pdf"}, "bill.pdf"),
    ("audio", {"id": "1", "voice": True}, None),
    ("sticker", {"id": "1", "animated": False}, None),
    ("location", {"latitude": -6.2, "longitude": 106.8, "name": "Monas"}, "Monas"),
    ("location", {"latitude": -6.2, "longitude": 106.8}, "-6.2, 106.8"),
    (
        "contacts",
        [{"name": {"formatted_name": "Ani"}}, {"name": {"formatted_name": "Mo"}}],
        "Ani, Mo",
    ),
    ("order", {"catalog_id": "1", "text": "Two please"}, "Two please"),
    ("unsupported", None, None),
    (
        "system",
        {"body": "Ani changed from 1 to 2", "type": "user_changed_number"},
        "Ani changed from 1 to 2",
    ),
    ("something_new", {"caption": "who knows"}, "who knows"),
]


@pytest.mark.parametrize(("kind", "carried", "text"), REPLIES)
def test_each_kind_keeps_the_words_that_it_has(kind: str, carried: Any, text: str | None) -> None:
    told = one(type=kind, **{kind: carried})
    assert (told.kind, told.text, told.answers) == (kind, text, None)


def test_a_reaction_answers_the_message_that_it_is_put_on() -> None:
    told = one(type="reaction", reaction={"message_id": "wamid.A", "emoji": "👍"})
    assert (told.text, told.answers) == ("👍", "wamid.A")
    gone = one(type="reaction", reaction={"message_id": "wamid.A"})
    assert (gone.text, gone.answers) == (None, "wamid.A")


@pytest.mark.parametrize("kind", [None, 7, "", "Text", "a" * 41, "image/jpeg", ["text"]])
def test_a_kind_that_is_no_name_is_unknown(kind: Any) -> None:
    assert one(type=kind).kind == "unknown"


def test_nobody_wrote_after_it_came() -> None:
    assert one(timestamp="9999999999").at == RECEIVED
    assert one(timestamp="soon").at == RECEIVED


@pytest.mark.parametrize(
    "bad",
    [None, 7, "x", [], {}, {"id": "a"}, {"from": "62811"}]
    + [
        {"id": "a", "from": number}
        for number in (None, "", "budi", "0812", "6" * 16, "٦٢٨١١", 62811)
    ]
    + [{"id": id_, "from": "62811"} for id_ in (None, "", 7, "\0")],
)
def test_one_that_cannot_be_read_is_told_and_drops_no_other(bad: Any) -> None:
    good = heard.message(sender=BUDI)
    before, wrong, after = read(heard.body(good, bad, good))
    assert isinstance(before, InboundMessage) and before == after
    assert str(wrong).startswith("a message was not read: ")


def test_what_was_written_to_no_number_is_told() -> None:
    told = read(heard.body(heard.message(sender=BUDI), metadata={}))
    assert told == ["a message was not read: ValueError"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["body", "text", "type", "id", "from", "context", "title", "name"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
KINDS = st.sampled_from(sorted({kind for kind, _, _ in REPLIES} | {"text", "reaction"}))


@given(kind=KINDS, carried=JSON, context=JSON, sender=JSON, timestamp=JSON)
def test_no_broken_part_breaks_the_reading(
    kind: str, carried: Any, context: Any, sender: Any, timestamp: Any
) -> None:
    broken = {"id": "a", "from": sender, "timestamp": timestamp, "type": kind, kind: carried}
    good = heard.message(sender=BUDI)
    told = read(heard.body(broken | {"context": context}, broken | {"from": "62811"}, good))
    assert len(told) == 3 and isinstance(told[2], InboundMessage)
    for one in told:
        if isinstance(one, InboundMessage):
            words = f"{one.text}{one.answers}{one.sender}"
            assert words.encode() and "\0" not in words and one.at <= RECEIVED


@given(JSON)
def test_no_broken_body_breaks_the_reading(document: Any) -> None:
    assert list(inbound.read(document, RECEIVED)) == []
    assert list(inbound.read({"entry": [{"changes": [{"value": document}]}]}, RECEIVED)) == []


def test_the_examples_of_metas_description_are_read() -> None:
    """One of each kind, as the description has it."""
    schemas = description()["components"]["schemas"]
    examples = {
        shape["example"]["type"]: shape["example"]
        for name, shape in schemas.items()
        for shape in schemas[name].get("allOf", [])
        if "timestamp" in shape.get("example", {}) and "type" in shape.get("example", {})
    }
    assert {"text", "button", "interactive", "image", "reaction", "location"} <= set(examples)
    for kind, example in examples.items():
        (told,) = read(heard.body(example))
        assert isinstance(told, InboundMessage), kind
        assert (told.wamid, told.kind, told.sender) == (example["id"], kind, "+16505551234")


def test_what_the_tests_write_is_as_described() -> None:
    text = description()["components"]["schemas"]["TextMessage_2"]["allOf"][1]
    assert problems(heard.message(sender=BUDI), {"allOf": [text]}) == []
