"""Quiet hours: the part of each day in which an account sends nothing."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


def quiet_until(
    now: datetime, *, zone: str, quiet_from: str | None, quiet_to: str | None
) -> datetime | None:
    """When the quiet hours end that `now` lies in (UTC); None outside them or without any.

    `quiet_from` and `quiet_to` are wall times of `zone` as HH:MM; a span over midnight begins on
    one day and ends on the next. An end in an hour that the clocks skip is the moment of the skip.
    """
    if not quiet_from or not quiet_to or quiet_from == quiet_to:
        return None
    place = ZoneInfo(zone)
    local = now.astimezone(place)
    begins, ends = time.fromisoformat(quiet_from), time.fromisoformat(quiet_to)
    clock = local.time()
    if begins < ends:
        inside, days = begins <= clock < ends, 0
    else:
        inside, days = clock >= begins or clock < ends, int(clock >= begins)
    if not inside:
        return None
    day = local.date() + timedelta(days=days)
    end = datetime.combine(day, ends, place).astimezone(UTC)
    # Where the hour of the end comes twice, its first passing may lie behind us already.
    return end if end > now else datetime.combine(day, ends.replace(fold=1), place).astimezone(UTC)


def quiet_in(
    first: datetime, last: datetime, *, zone: str, quiet_from: str | None, quiet_to: str | None
) -> timedelta:
    """How much of the time from `first` to `last` lies in the quiet hours; see `quiet_until`."""
    found, place = timedelta(), ZoneInfo(zone)
    if not quiet_from:
        return found
    day, begins = first.astimezone(place).date() - ONE_DAY, time.fromisoformat(quiet_from)
    while day <= last.astimezone(place).date():
        begin = datetime.combine(day, begins, place).astimezone(UTC)
        end = quiet_until(begin, zone=zone, quiet_from=quiet_from, quiet_to=quiet_to) or begin
        found += max(min(end, last) - max(begin, first), timedelta())
        day += ONE_DAY
    return found
