"""`tollhouse probe`: real packets to a server, each answer in words. No engine of ours is needed where it runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Final, TypeAlias

from tollhouse.cli.errors import DONE, FAILED, CommandError
from tollhouse.cli.exchange import Exchange
from tollhouse.cli.parser import Nouns
from tollhouse.cli.probe_table import PROBES, SERVER, TIMEOUT

Place: TypeAlias = Callable[[argparse.Namespace, Path], Iterator[Exchange]]
"""Sends what was asked for; the second argument is where the attribute tables are. CommandError, OSError."""

_WHAT: Final = {"radius": "as a NAS", "diameter": "as a credit-control client", "sip": "as a switch"}


def add_probe(nouns: Nouns, dictionaries: Path) -> None:
    """`probe PROTOCOL KIND`; `dictionaries` holds the attribute tables of RADIUS and Diameter."""
    told = "send real packets and print the decoded answers"
    protocols = nouns.add_parser("probe", help=told, description=told, allow_abbrev=False).add_subparsers(
        metavar="PROTOCOL", required=True
    )
    for protocol, kinds in PROBES.items():
        parser = protocols.add_parser(protocol, help=_WHAT[protocol], allow_abbrev=False)
        verbs = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
        for kind, (text, options) in kinds.items():
            leaf = verbs.add_parser(kind, help=text, description=text, allow_abbrev=False)
            for option in (*options, SERVER, TIMEOUT):
                option.add_to(leaf)
            leaf.set_defaults(run=_bound(protocol, dictionaries / protocol))


def _bound(protocol: str, tables: Path) -> Callable[[argparse.Namespace], int]:
    return lambda given: _run(protocol, given, tables)


def _run(protocol: str, given: argparse.Namespace, tables: Path) -> int:
    """DONE where everything was answered, a refusal included; FAILED where an answer is missing."""
    place: Place = import_module(f"tollhouse.cli.probe_{protocol}").place
    try:
        silent = [one for one in map(_print, place(given, tables)) if one.error]
    except CommandError as error:
        print(f"tollhouse: {error}", file=sys.stderr)
        return error.status
    except OSError as trouble:
        print(f"tollhouse: {given.server.host}: {trouble.strerror or trouble}", file=sys.stderr)
        return FAILED
    for one in silent:
        print(f"tollhouse: {one.request.partition(',')[0]}: {one.error}", file=sys.stderr)
    return FAILED if silent else DONE


def _print(one: Exchange) -> Exchange:
    print(f"> {one.request}")
    for line in one.answer:
        print(f"    {line}")
    if one.answer:
        print(f"  answered in {one.elapsed_us / 1000:.1f} ms")
    return one
