"""`python -m bench`: every measurement; `python -m bench throughput …`: one of them."""

import argparse
import json
import shlex
import sys
import traceback
from datetime import UTC, datetime
from time import monotonic

from bench import claim, comparison, export, fair, lag, load, many, pace, pages, throughput
from bench.machine import machine
from bench.servers import Servers, servers
from bench.tables import tables

MEASUREMENTS = {
    "comparison": comparison,
    "throughput": throughput,
    "pace": pace,
    "many": many,
    "lag": lag,
    "claim": claim,
    "fair": fair,
    "export": export,
    "load": load,
    "pages": pages,
}
ALL = (
    "comparison",
    "comparison --latency 0.05 --naive-count 1000",
    "comparison --latency 0.2 --naive-count 500",
    "throughput --latency 0 --webhooks",
    "pace",
    "many",
    "lag",
    "claim",
    "fair",
    "export",
    "load",
    "pages --operators 20 --minutes 1 --browser 2",
)


def main() -> int:
    parser = _parser()
    options = parser.parse_args()
    with servers() as running:
        if not options.measurement:
            return _everything(running, parser)
        rows = MEASUREMENTS[options.measurement].run(running, options)
    print(json.dumps(rows) if options.json else tables(rows))
    return 0


def _everything(running: Servers, parser: argparse.ArgumentParser) -> int:
    """Print what was found as it is found; one that fails does not end the others."""
    began, failed = monotonic(), 0
    print(f"# {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n")
    for name, told in machine(running).items():
        print(f"- {name}: {told}")
    for line in ALL:
        print(f"\n## python -m bench {line}\n", flush=True)
        options = parser.parse_args(shlex.split(line))
        try:
            print(tables(MEASUREMENTS[options.measurement].run(running, options)), flush=True)
        except Exception:
            traceback.print_exc()
            failed += 1
    print(f"\n{monotonic() - began:.0f} s, {failed} failed")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    chosen = parser.add_subparsers(dest="measurement")
    for name, module in MEASUREMENTS.items():
        one = chosen.add_parser(name, description=module.__doc__)
        one.add_argument("--json", action="store_true")
        module.add_arguments(one)
    return parser


if __name__ == "__main__":
    sys.exit(main())
