"""What the send loop asks of the process that it lives in: sockets, and few pauses."""

import gc
import resource

MOST_IN_FLIGHT = 2000
SPARE_FILES = 200
# Allocations between two collections of the youngest objects, and how many of those to one of the
# older. A post leaves some hundred objects and no circle: the default looks for circles at every
# seventh, and walks all that the worker has imported again and again.
SELDOM = (50_000, 20, 50)


def raise_file_limit() -> int:
    """Allow as many open sockets as the system lets us; returns how many posts may be in flight."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(MOST_IN_FLIGHT, hard - SPARE_FILES) if hard > 0 else MOST_IN_FLIGHT


def collect_seldom() -> None:
    """Leave what is imported out of garbage collection, and look for circles now and then."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)
