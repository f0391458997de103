"""What the messages of a batch say: from templates, and read back."""

from typing import Any

from core import clock, db, leasing, operating, operations
from core.kinds import APART
from core.models import Account, Content, Operation, Template
from core.shapes import digest
from tests.core.batched import batch


def work() -> None:
    """Run what waits as `core.apart` does, in this process."""
    while mine := leasing.take(APART):
        operating.run(mine)


def done(operation_id: int) -> Operation:
    work()
    return operations.state(operation_id)


def said(ids: list[int]) -> list[str]:
    with db.reading() as session:
        return [session.get_one(Content, one).text or "" for one in ids]


def template(account_id: int, name: str, body: str, **more: Any) -> int:
    """An approved template of the account's business."""
    parts = [{"type": "BODY", "text": body}]
    with db.writing() as session:
        business = session.get_one(Account, account_id).business_id
        given_ = {
            "business_id": business,
            "meta_id": name,
            "name": name,
            "language": "en",
            "category": "UTILITY",
            "status": "APPROVED",
            "parameter_format": "NAMED",
            "components": parts,
            "sha256": digest("UTILITY", "NAMED", parts),
            "synced_at": clock.wall(),
        }
        columns = set(Template.model_fields)
        made = Template(**{k: v for k, v in (given_ | more).items() if k in columns})
        session.add(made)
        session.flush()
        return made.id


def filled(
    account_id: int, template_id: int, names: list[str], **more: Any
) -> tuple[int, list[int]]:
    """A batch of template messages, each with its own name."""
    batch_id, ids = batch(
        account_id, [{"kind": "template", "template_id": template_id} | more] * len(names)
    )
    with db.writing() as session:
        chosen = session.get_one(Template, template_id)
        for one, name in zip(ids, names, strict=True):
            content = session.get_one(Content, one)
            content.template, content.language = chosen.name, "en"
            content.template_sha256 = chosen.sha256
            content.parameters = {"name": name, "day": "Monday"}
            content.text = f"Hello {name}, see you Monday"
    return batch_id, ids
