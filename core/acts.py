"""What people did, in the words of the audit trail: by the name that an event is stored under.

Here and not in `ui/`, because a search for these words looks among what is stored.
"""

from typing import Any

ACTS: dict[str, str] = {
    "bulk retry": "Many sent again",
    "bulk cancel": "Many cancelled",
    "bulk undo": "Many brought back",
    "bulk delete": "Many deleted",
    "bulk hold": "Many held",
    "bulk undo hold": "Many let go again",
    "bulk release": "Many released",
    "bulk reschedule": "Many given a new time",
    "bulk undo reschedule": "Many given back their former time",
    "bulk adjust": "Priority or retries changed",
    "bulk undo adjust": "Priority or retries put back",
    "bulk move": "Many moved to another number",
    "bulk undo move": "Many moved back",
    "bulk check": "File checked",
    "bulk load": "File loaded",
    "bulk undo load": "File called off",
    "bulk export": "Export prepared",
    "bulk leave": "Pending ones cancelled, as they asked",
    "bulk opt-outs": "File of who is not to be contacted read",
    "bulk batch release": "Messages of a batch let go",
    "bulk batch pause": "Messages of a batch held",
    "bulk batch cancel": "Messages of a batch cancelled",
    "bulk batch remove": "Messages of a batch removed",
    "bulk correct": "Many corrected",
    "bulk undo correct": "Correction of many undone",
    "bulk follow up": "Correction for those who got the old words prepared",
    "bulk template": "Messages of a template held or let go",
    "bulk action cancelled": "Many at once: stopped",
}
_ADJUSTED = {"priority": "Priority", "max_retries": "Number of retries"}


def told(action: str, after: Any) -> str:
    """An event's act as people say it; `after` as it is stored."""
    to = after.get("to") if isinstance(after, dict) else None
    if action == "bulk adjust" and isinstance(to, dict):
        return f"{' and '.join(_ADJUSTED[name] for name in _ADJUSTED if name in to)} changed"
    return ACTS.get(action, action[:1].upper() + action[1:])


def called(word: str) -> list[str]:
    """The stored names of acts whose words have this in them, in capitals or not."""
    return [name for name, words in ACTS.items() if word.casefold() in words.casefold()]
