"""Meta's two message limits: throughput of a number, and messages to one recipient."""

PAIR_CAPACITY = 45
PAIR_SECONDS = 6.0
_PRUNE_ABOVE = 200_000


class Bucket:
    """A token bucket of `capacity` tokens, one back each `interval` seconds.

    Kept as one number, the time at which the bucket is full again (a virtual schedule).
    Warning: from full, one interval-long burst of `capacity` passes at once, as at Meta.
    """

    __slots__ = ("capacity", "full_at", "interval")

    def __init__(self, capacity: float, interval: float) -> None:
        self.capacity = capacity
        self.interval = interval
        self.full_at = 0.0

    def take(self, now: float) -> bool:
        """Takes one token; False, and nothing taken, when there is none. `now` is monotonic."""
        start = max(self.full_at, now)
        # The small slack keeps float rounding from refusing a token exactly when it is back.
        if start - now > (self.capacity - 1) * self.interval + 1e-9:
            return False
        self.full_at = start + self.interval
        return True


def throughput_bucket(per_second: float | None) -> Bucket | None:
    """Bucket of a number that may send `per_second` messages; None means no limit."""
    return None if per_second is None else Bucket(max(1.0, per_second), 1 / per_second)


class Pairs:
    """The pair limit: 45 at once, then one each 6 s, for each number and recipient."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def take(self, number: str, recipient: str, now: float) -> bool:
        bucket = self._buckets.get((number, recipient))
        if bucket is None:
            if len(self._buckets) >= _PRUNE_ABOVE:
                self._prune(now)
            bucket = self._buckets[number, recipient] = Bucket(PAIR_CAPACITY, PAIR_SECONDS)
        return bucket.take(now)

    def _prune(self, now: float) -> None:
        self._buckets = {k: b for k, b in self._buckets.items() if b.full_at > now}
