"""What an operation may do, to which messages, and what takes it back."""

from enum import StrEnum

from core.states import Status


class Kind(StrEnum):
    RETRY = "retry"
    CANCEL = "cancel"
    DELETE = "delete"
    UNDO = "undo"  # of a cancel
    HOLD = "hold"
    UNHOLD = "undo hold"
    RELEASE = "release"
    CHECK = "check"  # a file before it is loaded
    LOAD = "load"
    UNLOAD = "undo load"  # what one that was called off had changed of other messages
    EXPORT = "export"
    RESCHEDULE = "reschedule"  # now, all by as much, or over a window
    UNRESCHEDULE = "undo reschedule"
    ADJUST = "adjust"  # priority or retries
    UNADJUST = "undo adjust"
    MOVE = "move"  # to another number
    UNMOVE = "undo move"
    LEAVE = "leave"  # in peace, who asked for it
    OPT_OUTS = "opt-outs"  # from a file
    BATCH_RELEASE = "batch release"
    BATCH_PAUSE = "batch pause"
    BATCH_CANCEL = "batch cancel"
    BATCH_REMOVE = "batch remove"  # what was stored of one that was never full
    CORRECT = "correct"  # what messages say
    UNCORRECT = "undo correct"
    FOLLOW_UP = "follow up"  # a correction to those who got the old words
    TEMPLATE = "template"  # its waiting messages held or let go, as it now stands


UNDONE_BY = {
    Kind.CANCEL: Kind.UNDO,
    Kind.HOLD: Kind.UNHOLD,
    Kind.CORRECT: Kind.UNCORRECT,
    Kind.RESCHEDULE: Kind.UNRESCHEDULE,
    Kind.ADJUST: Kind.UNADJUST,
    Kind.MOVE: Kind.UNMOVE,
}
OF_BATCHES = {Kind.BATCH_RELEASE, Kind.BATCH_PAUSE, Kind.BATCH_CANCEL, Kind.BATCH_REMOVE}
FILLS = {Kind.LOAD, Kind.FOLLOW_UP}
AMONG: dict[Kind, tuple[Status, ...]] = {
    Kind.RETRY: (Status.FAILED,),
    Kind.CANCEL: (Status.PENDING,),
    Kind.DELETE: (Status.PENDING, Status.SENT, Status.FAILED, Status.CANCELLED),
    Kind.UNDO: (Status.CANCELLED,),
    Kind.HOLD: (Status.PENDING,),
    Kind.UNHOLD: (Status.PENDING,),
    Kind.RELEASE: (Status.PENDING,),
    Kind.RESCHEDULE: (Status.PENDING,),
    Kind.UNRESCHEDULE: (Status.PENDING,),
    Kind.ADJUST: (Status.PENDING,),
    Kind.UNADJUST: (Status.PENDING,),
    Kind.MOVE: (Status.PENDING,),
    Kind.UNMOVE: (Status.PENDING,),
    **dict.fromkeys(OF_BATCHES, (Status.PENDING,)),
    Kind.CORRECT: (Status.PENDING, Status.PROCESSING, Status.FAILED),
    Kind.UNCORRECT: (Status.PENDING, Status.FAILED),
    Kind.FOLLOW_UP: (Status.SENT,),
    Kind.UNLOAD: (Status.PENDING,),
    Kind.TEMPLATE: (Status.PENDING,),
}
OPEN = ("queued", "running")
# Much Python: each in a process of its own. What changes messages or the list of opt-outs goes one
# after the other, in the order in which it was asked for; what only reads waits for none of it.
READING = frozenset({Kind.CHECK, Kind.EXPORT})
CHANGING = frozenset(
    {
        *(Kind.LOAD, Kind.UNLOAD, Kind.OPT_OUTS),
        *(Kind.CORRECT, Kind.UNCORRECT, Kind.FOLLOW_UP),
    }
)
APART = READING | CHANGING
# Of two by one person the later is to have the last word on a message that both mean.
LAST_COUNTS = frozenset({Kind.RELEASE, Kind.RESCHEDULE, Kind.ADJUST, Kind.MOVE})
