"""When a worker ends in order and begins anew in its place: old, grown, or asked to."""

from datetime import timedelta

# A limit below what every worker needs would make each one end as soon as it has begun.
SETTLED = timedelta(minutes=1)


def reason(
    *,
    age: timedelta,
    megabytes: float,
    asked: timedelta | None,
    most_hours: float,
    most_megabytes: float,
) -> str | None:
    """Why a process of this age and size is to renew itself now, for the log; None: it goes on.

    `asked` is how long ago a person asked all workers; a limit of 0 is none.
    """
    hours = age.total_seconds() / 3600
    if asked is not None and asked < age:
        return "a person asked for it"
    if 0 < most_hours <= hours:
        return f"it has run for {hours:.1f} hours"
    if 0 < most_megabytes <= megabytes and age >= SETTLED:
        return f"it has grown to {megabytes:.0f} megabytes"
    return None
