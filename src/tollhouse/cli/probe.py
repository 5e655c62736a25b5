"""`tollhouse probe`: real packets to a server, each answer in words. No engine of ours is needed where it runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from tollhouse.cli import probe_diameter, probe_radius, probe_sip
from tollhouse.cli.errors import DONE, FAILED, CommandError
from tollhouse.cli.exchange import Exchange
from tollhouse.cli.parser import Nouns, Run
from tollhouse.cli.probe_table import PROBES, SERVER, TIMEOUT

Place: TypeAlias = Callable[[argparse.Namespace, Path], Iterator[Exchange]]
"""Sends what was asked for; the second argument is where the attribute tables are. CommandError, OSError."""

_PROTOCOLS: Final[dict[str, tuple[str, Place]]] = {
    "radius": ("as a NAS", probe_radius.place),
    "diameter": ("as a credit-control client", probe_diameter.place),
    "sip": ("as a switch", probe_sip.place),
}


def add_probe(nouns: Nouns, dictionaries: Path) -> None:
    """`probe PROTOCOL KIND`; `dictionaries` holds the attribute tables of RADIUS and Diameter."""
    told = "send real packets and print the decoded answers"
    protocols = nouns.add_parser("probe", help=told, description=told, allow_abbrev=False).add_subparsers(
        metavar="PROTOCOL", required=True
    )
    for protocol, (told, place) in _PROTOCOLS.items():
        parser = protocols.add_parser(protocol, help=told, allow_abbrev=False)
        verbs = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
        for kind, (text, options) in PROBES[protocol].items():
            leaf = verbs.add_parser(kind, help=text, description=text, allow_abbrev=False)
            for option in (*options, SERVER, TIMEOUT):
                option.add_to(leaf)
            leaf.set_defaults(run=_bound(place, dictionaries / protocol))


def _bound(place: Place, tables: Path) -> Run:
    return lambda given: _run(place, given, tables)


def _run(place: Place, given: argparse.Namespace, tables: Path) -> int:
    """DONE where everything was answered, a refusal included; FAILED where an answer is missing."""
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
