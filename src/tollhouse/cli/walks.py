"""Commands that walk all pages of a method by themselves: the audit, a wallet's trace, the export of records."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, TextIO, TypeAlias

import msgspec

from tollhouse.cli.errors import DONE, FAILED
from tollhouse.cli.files import End, whole_file, write_lists
from tollhouse.cli.link import Link, call
from tollhouse.cli.method import Method
from tollhouse.cli.show import Json, cell, shown, table
from tollhouse.values.instants import parse_instant

Walk: TypeAlias = Callable[[Method, dict[str, object], Link, argparse.Namespace], int]
"""(method, its parameters, the way to what answers, the command line): does the command, returns the exit status."""

AUDIT_PAGE: Final = 200
PAGE: Final = 1000


def pages(link: Link, method: Method, asked: Mapping[str, object], limit: int) -> Iterator[dict[str, object]]:
    """Every page, one after the other, from the `after` that is asked for on."""
    following: object = asked.get("after", "")
    while following is not None:
        page = call(link, method.name, {"limit": limit, **asked, "after": following}, method.patience)
        result = msgspec.json.decode(page, type=dict[str, object])
        yield result
        following = result.get("next")


def _audit(method: Method, asked: dict[str, object], link: Link, given: argparse.Namespace) -> int:
    """Differences as they are found, the first one first; FAILED where there is one."""
    wallets = records = 0
    findings: list[dict[str, object]] = []
    for result in pages(link, method, asked, AUDIT_PAGE):
        page = msgspec.convert(result, type=_AuditPage)
        wallets += page.wallets
        records += page.records
        findings += page.findings
        for finding in () if given.json else page.findings:
            print(cell(finding.get("text")), flush=True)
    if given.json:
        print(msgspec.json.encode({"wallets": wallets, "records": records, "findings": findings}).decode())
    else:
        print(f"{wallets} wallets, {records} records, {_verdict(len(findings))}")
    return FAILED if findings else DONE


class _AuditPage(msgspec.Struct, frozen=True):
    wallets: int
    records: int
    findings: list[dict[str, object]]


def _verdict(findings: int) -> str:
    return f"differences: {findings}" if findings else "all balanced"


def _trace(method: Method, asked: dict[str, object], link: Link, given: argparse.Namespace) -> int:
    """The entries, a table a page; then the buckets as they stood at the end, and what is held."""
    for result in pages(link, method, asked, PAGE):
        if given.json:
            print(msgspec.json.encode(result).decode())
            continue
        for line in _traced(method, msgspec.convert(result, type=_TracePage)):
            print(line)
    return DONE


class _TracePage(msgspec.Struct, frozen=True):
    entries: list[dict[str, object]]
    unit: str
    buckets: list[dict[str, object]]
    holds: list[dict[str, object]]
    next: str | None


def _traced(method: Method, page: _TracePage) -> Iterator[str]:
    entries = [{**entry, "moves": _moves(entry.get("moves"), page.unit)} for entry in page.entries]
    yield from table(entries, method.columns)
    if page.next is None:
        yield from shown({"unit": page.unit, "buckets": page.buckets, "holds": page.holds})


def _moves(moves: object, money: str) -> str:
    """`1 cash -0.6 = 9.4`: which bucket, of which balance type, what moved, and what it holds then, with its unit
    where that is not `money`."""
    return "; ".join([_move(move, money) for move in moves]) if isinstance(moves, list) else ""


def _move(move: Json, money: str) -> str:
    unit = "" if move["unit"] in (money, "") else f" {move['unit']}"
    return f"{move['bucket']} {move['balance_type'] or '?'} {move['amount']} = {move['value']}{unit}"


def _ended(method: Method, asked: dict[str, object], link: Link, given: argparse.Namespace) -> int:
    """The ends in their order: as a table, or as the lists of requirement oracle_vws, case 70."""
    found = [msgspec.convert(result, type=_EndedPage) for result in pages(link, method, asked, PAGE)]
    ends = sorted((one for page in found for one in page.ended), key=lambda one: (parse_instant(one.at), one.wallet))
    rows = msgspec.to_builtins(ends)
    folder = vars(given).get("lists")
    if folder:
        for path in write_lists(Path(folder), ends):
            print(path)
    elif given.json:
        print(msgspec.json.encode({"ended": rows}).decode())
    else:
        for line in table(rows, method.columns):
            print(line)
    return DONE


class _EndedPage(msgspec.Struct, frozen=True):
    ended: list[End]


def _export(method: Method, asked: dict[str, object], link: Link, given: argparse.Namespace) -> int:
    """The heading and every line, page by page: never all of them in memory."""
    named = vars(given).get("out")
    with whole_file(Path(named)) if named else _stdout() as out:
        for number, result in enumerate(pages(link, method, asked, PAGE)):
            if given.json:
                out.write(msgspec.json.encode(result).decode() + "\n")
                continue
            page = msgspec.convert(result, type=_ExportPage)
            out.write(page.text if number else page.heading + page.text)
    return DONE


class _ExportPage(msgspec.Struct, frozen=True):
    heading: str
    text: str


@contextmanager
def _stdout() -> Iterator[TextIO]:
    yield sys.stdout


WALKS: Final[Mapping[str, Walk]] = MappingProxyType(
    {"system.audit": _audit, "wallet.trace": _trace, "wallet.ended": _ended, "record.export": _export}
)
