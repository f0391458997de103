"""A file of messages and the batch that comes of it."""

from ui.words.states import Word

# What a column of a file can be, as `core/sheets/plan.py` names it.
COLUMNS: dict[str, str] = {
    "recipient": "Phone number",
    "when": "Date and time",
    "clock": "Time of day",
    "content": "Text",
    "reference": "Reference",
    "zone": "Time zone",
    "label": "Label",
    "priority": "Priority",
    "not_after": "Not after",
    "account": "From which number",
    "template": "Template",
    "language": "Language",
    "parameters": "All parameters",
    "late_policy": "If late",
    "max_retries": "Retries",
}

# What a check finds of a row: the word, its colour, what it means.
CHECKED: dict[str, tuple[str, str, str]] = {
    "wrong": ("wrong", "red", "not loaded"),
    "changed": ("changed", "blue", "wait already, and will be changed"),
    "same": ("unchanged", "grey", "wait already as they are"),
    "kept": ("kept", "amber", "changed here since, and not changed"),
    "already": ("done before", "grey", "their reference has left or failed"),
    "double": ("double", "amber", "not loaded twice"),
    "opted_out": ("opted out", "violet", "asked not to be contacted"),
}

# What is wrong with many cells of a file, where the reason of one would tell too much of it.
FLAWS: dict[str, str] = {
    "too_short": "has too few digits",
    "too_long": "is too long",
    "national": "could be of several countries: the country code is missing",
    "no_country_code": "is without its country code",
    "empty": "is empty",
    "repeated": "stands in the file more than once",
    "unfilled": "looks as if nobody filled it in",
    "impossible": "is no day and time that exists",
    "mixed": "is written otherwise than the others",
    "past": "has passed",
    "too_soon": "is too soon",
}

# How a batch starts when all of it is in.
STARTS: dict[str, str] = {
    "hold": "Hold all until I say go",
    "trial": "Release the first {first}, hold the rest",
    "release": "Release all: each leaves at its time",
}

# A batch, by its state as core/batch_reports.py tells it.
BATCHES: dict[str, Word] = {
    "loading": Word("Loading", "cyan"),
    "held": Word("Waiting for release", "violet"),
    "trial": Word("On trial", "violet"),
    "released": Word("Sending", "blue"),
    "paused": Word("Paused", "orange"),
    "cancelled": Word("Cancelled", "grey"),
    "finished": Word("Finished", "green", "✓"),
}

# What was done to a batch, by its audit event.
STEERED: dict[str, str] = {
    "batch released": "Released",
    "batch first released": "First ones released",
    "batch paused": "Paused",
    "batch resumed": "Resumed",
    "batch cancelled": "Cancelled",
    "batch removed": "Removed",
    "batch corrected": "Corrected",
    "batch correction sent": "Correction prepared",
    "not reached tried again": "Prepared for those who were not reached",
    "batch finished": "Finished",
    "batch failed sent again": "What failed sent again",
    "batch loading taken up again": "Loading taken up again",
}


def finished(failed: int) -> str:
    """«finished, 12 failed»."""
    return f"finished, {failed:,} failed" if failed else "finished, none failed"
