"""Many numbers that are not to be contacted, from a file or pasted."""

from core import account_checks, files, leasing, operating, operations, optout_file
from core.access import Actor, Role, needs
from core.choosing import Choice
from core.errors import Invalid
from core.kinds import Kind
from core.sheets import decoding

AT_ONCE = optout_file.PART  # lines that are worth no waiting for a worker


@needs(Role.OPERATOR)
def order(
    given: str | bytes,
    *,
    by: Actor,
    home: str | None = None,
    here: bool = False,
    cancels_here: bool = False,
) -> int:
    """Have a list put on ours; returns the operation, whose result core/enlisting.py describes.

    What is pending for them is cancelled by another, which this process runs if `cancels_here`.
    Raises Invalid (fields file, country) where nothing can be read.
    """
    if home is not None and (wrong := account_checks.problems({"country": home})):
        raise Invalid(*wrong)
    text = given if isinstance(given, str) else decoding.decoded(given)[0]
    lines = optout_file.check(text)
    file_id = files.store(
        [text.encode()],
        kind=files.Kind.UPLOAD,
        name="do not contact.csv",
        media_type="text/csv",
        by=by.name,
    )
    told = {"file_id": file_id, "home": home, "cancels_here": cancels_here}
    return operations.create(
        Kind.OPT_OUTS, Choice(), by=by, here=here, counted=lines, arguments=told
    )


@needs(Role.OPERATOR)
def import_(given: str | bytes, *, by: Actor, home: str | None = None) -> int:
    """As `order`, but a few lines are on the list when this returns."""
    text = given if isinstance(given, str) else decoding.decoded(given)[0]
    few = text.count("\n") < AT_ONCE
    made = order(text, by=by, home=home, here=few)
    if few:
        operating.run(leasing.held(made))
    return made
