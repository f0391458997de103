"""`python -m bench`: every measurement; `python -m bench throughput …`: one of them."""

import argparse
import json
import sys

from bench import comparison, throughput
from bench.servers import servers
from bench.tables import table

MEASUREMENTS = {"throughput": throughput, "comparison": comparison}


def main() -> None:
    options = _options()
    with servers() as running:
        rows = MEASUREMENTS[options.measurement].run(running, options)
    print(json.dumps(rows) if options.json else table(rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    chosen = parser.add_subparsers(dest="measurement")
    for name, module in MEASUREMENTS.items():
        one = chosen.add_parser(name, description=module.__doc__)
        one.add_argument("--json", action="store_true")
        module.add_arguments(one)
    return parser.parse_args(sys.argv[1:] or ["throughput"])


if __name__ == "__main__":
    main()
