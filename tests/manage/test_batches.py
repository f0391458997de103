"""Batches by command: by name or number, with words and exit codes."""

import csv
import io
import json

from tests import given
from tests.core import worded
from tests.core.batched import batch, holds, row, work
from tests.manage.command import here, refused, said

FAILED = {"status": "failed", "error_class": "recipient", "error_code": 131026}


def test_batches_are_listed_and_shown(database: str) -> None:
    batch_id, _ = batch(given.account(), [{"status": "sent"}, FAILED, {}], name="May reminders")
    [listed] = [json.loads(one) for one in said("batch", "list", "--json").splitlines()]
    assert (listed["id"], listed["state"], listed["left"], listed["failed"]) == (
        *(batch_id, "held"),
        *(1, 1),
    )
    assert "1 of 3 left, 1 failed  «May reminders»  Orders" in said("batch", "list")
    shown = json.loads(said("batch", "show", "may reminders", "--json"))
    assert shown["standings"] == {"held": 1, "failed": 1, "sent": 1} and shown["ends_at"] is None
    assert "1 held" in said("batch", "show", str(batch_id))
    assert refused("batch", "show", "June") == "There is no batch «June».\n"


def test_who_asked_not_to_be_contacted_is_counted_where_the_batch_is_told(sqlite: str) -> None:
    gone = {"status": "cancelled", "error_class": "opted_out"}
    batch(given.account(), [{"status": "sent"}, gone, gone], state="released")
    assert "1 of 3 left, 2 opted out  «May»" in said("batch", "results", "May")


def test_a_batch_is_steered_from_the_terminal(database: str) -> None:
    batch_id, ids = batch(given.account(), [{}] * 3)
    assert said("batch", "release", "May", "--first", "2") == (
        "2 of «May» may leave; the rest stays held.\n"
    )
    assert said("batch", "release", "May") == "«May» is released.\n"
    assert said("batch", "pause", "May") == "«May» is paused.\n"
    work()
    assert row(batch_id).state == "paused" and set(holds(ids)) == {"batch"}
    assert said("batch", "resume", str(batch_id)) == "«May» goes on.\n"
    told = refused("batch", "resume", "May")
    assert told == "The batch «May» is released, so it cannot be resumed.\n"
    asked = here("batch", "cancel", "May", typed="n\n")
    assert asked.code == 1 and "Cancel 3 of 3? 0 have left. This cannot be undone." in asked.out
    assert said("batch", "cancel", "May", "--yes") == "«May» is cancelled: 0 had left.\n"
    work()
    assert {given.row(one).status for one in ids} == {"cancelled"}
    assert "range" not in refused("batch", "release", "May", "--first", "0")


def test_the_results_come_as_words_json_and_csv(database: str) -> None:
    batch(given.account(), [{"status": "sent"}, FAILED, FAILED])
    batch(given.account("Other"), [FAILED], name="June")
    ended = here("batch", "results", "May")
    assert ended.code == 3 and "2 This number cannot be reached on WhatsApp (131026)." in ended.out
    facts = json.loads(here("batch", "results", "May", "--json").out)
    assert facts["failures"] == [{"class": "recipient", "code": 131026, "count": 2}]
    read = list(csv.DictReader(io.StringIO(said("batch", "results", "May", "--csv"))))
    assert len(read) == 3
    failed = said("batch", "results", "May", "--csv", "--failed")
    assert len(list(csv.DictReader(io.StringIO(failed)))) == 2


def test_a_batch_is_corrected_from_the_terminal_after_a_look(database: str) -> None:
    rows = [{"text": "On Monday"}, {"text": "Friday"}, {"text": "Monday", "status": "sent"}]
    _, ids = batch(given.account(), rows)
    line = ("batch", "correct", "May", "--find", "Monday", "--put", "Tuesday")
    shown = said(*line, "--dry-run")
    assert "  - On Monday\n  + On Tuesday\n1 message would be corrected." in shown
    assert "1 message left with the old text." in shown
    facts = json.loads(said(*line, "--dry-run", "--json"))
    assert (facts["touches"], facts["left"], facts["skipped"]) == (1, 1, {"unaffected": 1})
    ended = here(*line)
    assert ended.code == 0 and ended.err.startswith("1 message left with the old text.")
    made = ended.out.rpartition(" ")[2].strip()
    assert said("undo", made) == "1 message brought back.\n"
    assert said("batch", "show", "May", "--json") and given.events(ids[0])[-1] == "undo correct"


def test_the_template_of_a_batch_and_one_parameter_are_corrected(database: str) -> None:
    account = given.account()
    old = worded.template(account, "visit", "Hello {{name}}, see you {{day}}")
    worded.template(account, "visit_2", "Dear {{name}}, see you {{day}} in {{place}}")
    _, ids = worded.filled(account, old, ["Ana", "Bo"])
    assert "2 messages corrected." in said("batch", "correct", "May", "--param", "day=Friday")
    one = here("batch", "correct", "May", "--param", "name=Bob", "--find", "Bo")
    assert one.code == 0 and one.out.startswith("1 message corrected.")
    line = ("batch", "correct", "May", "--template", "visit_2")
    ended = here(*line)
    assert ended.code == 1 and "2 messages skipped: 2 would not fit." in ended.err
    assert "2 messages corrected." in said(*line, "--language", "en", "--param", "place=Rome")
    assert worded.said(ids) == [
        "Dear Ana, see you Friday in Rome",
        "Dear Bob, see you Friday in Rome",
    ]
    told = refused("batch", "correct", "May", "--template", "visit_3")
    assert told == "There is no template «visit_3» that can be sent.\n"
    for wrong in (["--find", "A"], ["--text", "A", "--put", "B"], ["--param", "a=b", "--put", "c"]):
        assert "Say one of --text" in refused("batch", "correct", "May", *wrong, code=2)
