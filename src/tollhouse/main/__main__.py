"""The console script. `demo` starts the appliance on embedded defaults; the other nouns come with the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tollhouse.main.demo import demo


def main() -> int:
    """Entry point of `tollhouse`. Exit status 0 after a clean stop, 1 when it cannot start, 2 on wrong usage."""
    parser = argparse.ArgumentParser(prog="tollhouse", description="real-time charging appliance")
    nouns = parser.add_subparsers(dest="noun", required=True)
    start = nouns.add_parser("demo", help="a demo tenant on loopback: three calls are placed, then it serves")
    start.add_argument("directory", type=Path, help="made when it is empty; else what is there is started")
    start.add_argument("--port-offset", type=int, default=0, help="added to every port")
    start.add_argument("--no-probe", action="store_true", help="place no calls at the start")
    start.add_argument("--subscribers", type=int, default=0, help="extra subscribers 000001.. for load")
    given = parser.parse_args()
    return demo(given.directory, given.port_offset, not given.no_probe, given.subscribers)


if __name__ == "__main__":
    sys.exit(main())
