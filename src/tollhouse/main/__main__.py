"""The console script: `serve` and `demo` start an appliance, every other noun is the command line's."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tollhouse.cli.command import Disk, Tools, add_commands
from tollhouse.cli.parser import Parser
from tollhouse.cli.probe import add_probe
from tollhouse.cli.secret import Seal, add_secret
from tollhouse.main.plan import DICTIONARIES
from tollhouse.main.setting_table import DEFAULT_FILE, Paths

TOKEN_FILES: Final = (Path("/etc/tollhouse/token"), Paths().token_file)
"""Where the command line looks for the token by itself."""
INTERRUPTED: Final = 130
CUT_OFF: Final = 141
"""Who read the output went away (128 + SIGPIPE, as a shell says it)."""

EPILOG: Final = """\
first looks:
  tollhouse system status      does it serve, and what is wrong
  tollhouse session list       who calls, what it holds
  tollhouse wallet get NAME    who pays, with how much
  tollhouse record list NAME   what moved
  tollhouse audit              is every balance what its records say

`tollhouse NOUN --help` lists its verbs, `tollhouse NOUN VERB --help` their options;
docs/operations.md and docs/api.md say more"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `tollhouse`. The exit status; SystemExit with 2 on wrong usage and with 0 after --help."""
    try:
        try:
            given = _parser().parse_args(arguments)
        finally:
            sys.stdout.flush()
        status: int = given.run(given)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CUT_OFF
    return status


def _parser() -> Parser:
    parser = Parser(
        prog="tollhouse",
        description="real-time charging appliance",
        allow_abbrev=False,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    nouns = parser.add_subparsers(metavar="NOUN", required=True)
    start = nouns.add_parser("demo", help="a demo tenant on loopback: three calls are placed, then it serves")
    start.add_argument("directory", type=Path, help="made when it is empty; else what is there is started")
    start.add_argument("--port-offset", type=int, default=0, help="added to every port")
    start.add_argument("--no-probe", action="store_true", help="place no calls at the start")
    start.add_argument("--subscribers", type=int, default=0, help="extra subscribers 000001.. for load")
    start.set_defaults(run=_demo)
    serve = nouns.add_parser("serve", help="the production start")
    serve.add_argument(
        "--settings",
        type=Path,
        default=DEFAULT_FILE,
        metavar="FILE",
        help="docs/settings.md says what is in it (default: %(default)s)",
    )
    serve.set_defaults(run=_serve)
    add_commands(nouns, Tools(_open_disk, TOKEN_FILES))
    add_probe(nouns, DICTIONARIES)
    add_secret(nouns, _sealing, DEFAULT_FILE)
    return parser


def _demo(given: argparse.Namespace) -> int:
    from tollhouse.main.demo import demo

    return demo(given.directory, given.port_offset, not given.no_probe, given.subscribers)


def _serve(given: argparse.Namespace) -> int:
    from tollhouse.main.serve import serve

    return serve(given.settings)


def _sealing(settings: Path, key_file: Path | None) -> Seal:
    from tollhouse.main.sealing import sealing

    return sealing(settings, key_file)


def _open_disk(directory: Path) -> Disk | None:
    from tollhouse.main.offline import open_disk

    return open_disk(directory)


if __name__ == "__main__":
    sys.exit(main())
