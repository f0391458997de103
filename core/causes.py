"""Why something failed or is kept back, in an operator's words: for pages and the command line."""

from typing import NamedTuple, Protocol

from core.meta.codes import classify

HOLDS = {
    "batch": "Its batch has not been released.",
    "template": "Its template is paused or changed at Meta.",
    "late": "It could not leave at its time, and it is for a person to say whether it still shall.",
    "person": "Somebody keeps it back.",
}


class Cause(NamedTuple):
    """What happened, and what to do about it."""

    sentence: str
    advice: str


class Refusal(Protocol):
    """What a failure is told from; read-only, so that any row with these names will do."""

    @property
    def error_class(self) -> str | None: ...
    @property
    def error_code(self) -> int | None: ...
    @property
    def error_text(self) -> str | None: ...


CLASSES: dict[str, Cause] = {
    "unreached": Cause("WhatsApp cannot be reached.", "Check this machine's connection."),
    "transient": Cause("WhatsApp's service was busy.", "Try again later."),
    "throttled": Cause("WhatsApp asked us to send more slowly.", "Nothing to do: it goes on."),
    "pair": Cause("Too many messages to this person in a short time.", "Nothing to do."),
    "account": Cause("WhatsApp refused the sending number.", "Look at the account."),
    "template": Cause("WhatsApp refused the template.", "Look at the template at Meta."),
    "recipient": Cause("WhatsApp cannot reach this person.", "Reach them another way."),
    "permanent": Cause("WhatsApp refused the message as it is.", "Correct it and send it again."),
    "opted_out": Cause("They asked not to be contacted.", "Leave them in peace."),
    "expired": Cause("Its time was over before it could leave.", "Give it a new time."),
}

# Meta's page support/error-codes, in an operator's words.
CODES: dict[int, Cause] = {
    100: Cause("WhatsApp did not accept a value in it.", "Correct it and send it again."),
    130472: Cause("Meta left this person out of marketing.", "Reach them another way."),
    130497: Cause("Your account may not write to that country.", "Ask Meta to allow it."),
    131008: Cause("Something that WhatsApp requires is missing.", "Correct it and send it again."),
    131009: Cause("WhatsApp did not accept a value in it.", "Correct it and send it again."),
    131021: Cause("Sender and recipient are the same number.", "Change the recipient."),
    131026: Cause(
        "This number cannot be reached on WhatsApp.",
        "Check the number; if it is right, reach the person another way.",
    ),
    131030: Cause(
        "A test number may write only to people on its list.", "Add them to the list at Meta."
    ),
    131047: Cause(
        "They last wrote more than 24 hours ago, so plain text is not allowed.",
        "Send an approved template, or wait until they write.",
    ),
    131049: Cause("Meta withheld it: too much marketing lately.", "Wait a day before trying."),
    131050: Cause("They stopped your marketing messages.", "Do not write to them again."),
    132001: Cause("The template does not exist in this language.", "Look at it at Meta."),
    137000: Cause("The person's phone has changed.", "Make sure it is still them."),
    130403: Cause("Your business blocked this person.", "Unblock them first."),
}


def failure(row: Refusal) -> tuple[str, str]:
    """What went wrong and what to do. A code that Outbox does not know is shown as new."""
    code = row.error_code
    known = CODES.get(code or -1) or CLASSES.get(row.error_class or "", CLASSES["permanent"])
    if code is not None and not classify(code).listed:
        said = f" Meta says: {row.error_text.rstrip('.')}." if row.error_text else ""
        return f"New code {code}, which Outbox does not know yet.{said}", "Tell your administrator."
    if row.error_class == "expired" and row.error_text:
        return row.error_text, known.advice
    number = f" ({code})" if code is not None else ""
    return f"{known.sentence.rstrip('.')}{number}.", known.advice
