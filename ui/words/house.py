"""The people, what is set for all of them, and what they may press."""

from core.access import Role

# What others did since somebody was last here, by its audit event.
SINCE: dict[str, str] = {
    "account added": "added",
    "account paused by Meta": "paused by Meta",
    "account paused": "paused",
    "account resumed": "resumed",
    "account resumed by itself": "resumed by itself",
    "all sending stopped": "all sending stopped",
    "all sending resumed": "all sending resumed",
    "restore guard answered": "restore guard answered",
    "batch released": "released",
    "batch first released": "released for the first few",
    "batch paused": "paused",
    "batch resumed": "resumed",
    "batch cancelled": "cancelled",
    "batch corrected": "corrected",
    "batch finished": "finished",
    "template held": "held",
}

# What somebody may ask not to get.
SCOPES: dict[str, str] = {"everything": "Everything", "marketing": "Marketing only"}

# What may become of the overdue when the restore guard is answered.
OVERDUE: dict[str, str] = {
    "hold": "Hold them: somebody looks at each, or releases them together",
    "cancel": "Cancel them: they left, or are worthless by now",
    "send": "Send them: none of them has left",
}

ROLES: dict[Role, str] = {
    Role.VIEWER: f"{Role.VIEWER.title}: looks and exports, changes nothing",
    Role.OPERATOR: f"{Role.OPERATOR.title}: schedules, cancels, pauses, releases",
    Role.ADMIN: f"{Role.ADMIN.title}: also numbers, people and settings",
}

# What each setting of the environment means.
SETTINGS: dict[str, str] = {
    "data_dir": "where everything is kept that has no other place",
    "database_url": "the database",
    "queue_url": "the queue of the workers",
    "api_url": "the Cloud API; on this machine Outbox is in training",
    "api_version": "the Graph version in every address",
    "secret_key": "encrypts the access tokens; not set: the file secret.key does",
    "app_secret": "Meta's app secret, which signs webhooks",
    "webhook_verify_token": "what Meta repeats when the webhook is set up",
    "public_url": "how browsers reach the dashboard",
    "dashboard_port": "where the dashboard listens",
    "sandbox_port": "where the sandbox listens",
    "session_hours": "how long somebody stays signed in without a visit",
    "min_lead_seconds": "how far ahead a typed time must be",
    "undelivered_hours": "after how many hours without delivery somebody counts as not reached",
    "retry_delays": "seconds before the first, second, … automatic retry",
    "stop_words": "what somebody writes who wants no more messages",
    "test_number": "a number of our own that tests go to",
    "worker_max_hours": "after how many hours a worker begins anew",
    "worker_max_megabytes": "from how much memory on a worker begins anew",
    "test_clock": "for tests",
}

# What an administrator settles for everybody: its name, and what it means.
HOUSE: dict[str, tuple[str, str]] = {
    "retry_delays": (
        "Retries after",
        "Where WhatsApp is busy: before the first, second, … retry. The last serves for the rest.",
    ),
    "min_lead_seconds": (
        "A typed time lies ahead by",
        "At least, in s, min or h. «Now» can always be chosen.",
    ),
    "undelivered_hours": (
        "Not reached after, in hours",
        "What WhatsApp took and has not delivered by then is on the list «Not reached».",
    ),
    "session_hours": (
        "Stays signed in, in hours",
        "Without a visit. A shorter one counts from somebody's next click on.",
    ),
    "stop_words": (
        "Stop words",
        "Whoever answers with one of these alone wants no more messages; in capitals or not.",
    ),
    "test_number": (
        "Test number",
        "One of your own. The first row of a file goes there unless a person or the number has"
        " another.",
    ),
}

# How the pages may look, by Streamlit's name of it.
THEMES: dict[str, str] = {"Light": "Light", "Dark": "Dark", "System": "As the system"}

# What ui/shortcuts.js does, for the list that «?» opens.
SHORTCUTS: dict[str, str] = {
    "/": "Search",
    "n": "Schedule a new message",
    "e": "Edit what is shown",
    "Ctrl S": "Save",
    "?": "This list",
    "Esc": "Close",
}

# What ui/outbox.js says in the place of Streamlit's own words.
LINE: dict[str, str] = {
    "head": "Outbox cannot be reached",
    "text": "It is tried again by itself, and this page goes on when it answers. If it does not,"
    " look whether this computer is online, else tell who looks after Outbox.",
}
