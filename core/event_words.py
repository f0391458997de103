"""What is called how of what happens to a message: words, each with a class of outbox.css.

Not in `ui/words/`, since the evidence of a message tells it as well.
"""

# What an attempt came to, by its stored outcome; anything else is a class of refusal.
ATTEMPTS: dict[str, tuple[str, str]] = {
    "": ("under way", "blue"),
    "accepted": ("WhatsApp took it", "green"),
    "unknown": ("outcome unknown", "orange"),
    "released": ("not sent, given back", "grey"),
    "unreached": ("WhatsApp not reached", "amber"),
    "transient": ("WhatsApp was busy", "amber"),
    "throttled": ("asked to send more slowly", "amber"),
    "pair": ("too many to this person at once", "amber"),
    "account": ("the account was refused", "red"),
    "template": ("the template was refused", "red"),
    "recipient": ("WhatsApp cannot reach this person", "red"),
    "permanent": ("refused", "red"),
}

EVENTS: dict[str, tuple[str, str]] = {
    "opted out": ("Cancelled: they asked not to be contacted", "grey"),
    "scheduled": ("Scheduled", "blue"),
    "imported": ("Imported", "blue"),
    "test": ("Sent as a test of a file", "blue"),
    "unconfirmed": ("Outcome unknown", "orange"),
    "failed by webhook": ("Failed", "red"),
    "edit": ("Edited", "blue"),
    "cancel": ("Cancelled", "grey"),
    "retry": ("To be sent again, asked", "blue"),
    "second try": ("Tried once more with another template", "blue"),
    "reached": ("Cancelled: the message before it has reached them, or is sent again", "grey"),
    "delete": ("Deleted", "grey"),
    "undo": ("Brought back", "blue"),
    "expired": ("Expired", "red"),
    "hold": ("Held", "violet"),
    "release": ("Released", "blue"),
    "undo hold": ("Let go again: its hold was undone", "blue"),
    "reschedule": ("Given a new time", "blue"),
    "undo reschedule": ("Given back its former time", "blue"),
    "adjust": ("Changed, many at once", "blue"),
    "move": ("Moved to another number", "blue"),
    "undo move": ("Moved back", "blue"),
    "undo adjust": ("Put back as it was before", "blue"),
    "batch cancel": ("Cancelled with its batch", "grey"),
    "batch cancelled": ("Cancelled with its batch", "grey"),
    "batch remove": ("Removed with its batch", "grey"),
    "correct": ("Corrected, many at once", "blue"),
    "undo correct": ("Correction undone", "blue"),
    "undo load": ("Put back as it was before a file that was called off", "blue"),
    "template accepted": ("Its changed template accepted", "blue"),
}

# Instead of the word of a release, where its batch is not released yet.
WAITS_AGAIN = ("Waits for its batch again", "violet")

# What was done to its batch as a whole, by the action of the audit trail.
STEERED: dict[str, tuple[str, str]] = {
    "batch released": ("Released with its batch", "blue"),
    "batch first released": ("The first of its batch released", "blue"),
    "batch paused": ("Its batch paused", "amber"),
    "batch resumed": ("Its batch resumed", "blue"),
}

FIELDS: dict[str, str] = {
    "account": "Account",
    "account_id": "Account",
    "recipient": "Recipient",
    "text": "Text",
    "template": "Template",
    "parameters": "With",
    "due_at": "Leaves",
    "zone": "Zone",
    "priority": "Priority",
    "max_retries": "Max retries",
    "hold": "Kept back",
    "reference": "Reference",
}

# What a message's priority is called.
PRIORITIES: dict[int, str] = {0: "Urgent", 1: "Normal", 2: "Campaign"}

# What Meta tells of a message afterwards, by the status of its webhook.
TOLD: dict[str, tuple[str, str]] = {
    "sent": ("WhatsApp sent it on", "green"),
    "delivered": ("On the phone", "green"),
    "read": ("Read", "green"),
    "failed": ("WhatsApp could not deliver it", "red"),
}

# What somebody sent without words of their own, by Meta's name of its kind.
KINDS: dict[str, str] = {
    "image": "a picture",
    "video": "a film",
    "audio": "a voice message",
    "document": "a document",
    "sticker": "a sticker",
    "location": "a place",
    "contacts": "a contact",
    "order": "an order",
    "unsupported": "something that only the phone shows",
}
