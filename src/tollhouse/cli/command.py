"""One command from its arguments to its exit status: which way to ask, what to ask, how to show what came."""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import msgspec

from tollhouse.cli import bring, compare, parameters, tariff
from tollhouse.cli.bar import watched
from tollhouse.cli.errors import DONE, FAILED, CommandError, LostError, SilentError
from tollhouse.cli.http import HttpLink, read_token
from tollhouse.cli.link import Link, call
from tollhouse.cli.method import REQUEST_ID, Method
from tollhouse.cli.parser import Nouns, add_methods, params
from tollhouse.cli.show import Json, explained, shown, table
from tollhouse.cli.table import METHODS
from tollhouse.cli.walks import WALKS
from tollhouse.store.errors import StoreError


class Disk(Link, Protocol):
    """A store's files that no engine holds; held against engines until `close`."""

    def close(self) -> None:
        """Let an engine have the directory."""


REPORTS: Final = {
    "tariff.import": tariff.report,
    "wallet.import": bring.report,
    "config.import_parameters": parameters.report,
    "rating.explain": explained,
}
"""Results that are shown in a way of their own."""
JUDGES: Final = {
    "tariff.import": tariff.judge,
    "tariff.export": tariff.judge,
    "wallet.import": bring.judge,
    "config.import_parameters": parameters.judge,
}
"""Results that may tell of problems: said on stderr, and what the exit status is then."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the composition root hands in.

    `open_disk`: the files in a data directory, or None while an engine holds them (StoreError, OSError where they
    cannot be read). `token_files`: where the engine's token lies by default.
    """

    open_disk: Callable[[Path], Disk | None]
    token_files: Sequence[Path]


def add_commands(nouns: Nouns, tools: Tools) -> None:
    """Every method of the API as a command."""

    def run(method: Method, given: argparse.Namespace) -> int:
        method = _meant(method, given)
        try:
            with _link(method, given, tools) as link:
                return _do(method, given, link)
        except CommandError as error:
            print(f"tollhouse: {error}", file=sys.stderr)
            return error.status

    add_methods(nouns, run)


def _meant(method: Method, given: argparse.Namespace) -> Method:
    """The method itself, or the one that its option names: `rating cost --explain` is `rating explain`."""
    verbs = [option.name for option in method.options if option.name in given]
    names = [f"{method.name.partition('.')[0]}.{verb}" for verb in verbs] or [method.name]
    return next(one for one in METHODS if one.name == names[0])


@contextmanager
def _link(method: Method, given: argparse.Namespace, tools: Tools) -> Iterator[Link]:
    """The engine; where none holds the directory that was named, its disk, if that answers such a question."""
    disk = _opened(given.data, tools) if given.data is not None else None
    if disk is None:
        try:
            yield HttpLink(given.at_url, read_token(given.token_file, tools.token_files))
        except SilentError as error:
            raise SilentError(f"{error}{_hint(method, given.data)}") from None
        return
    try:
        if not method.on_disk:
            raise SilentError(f"no engine holds {given.data}: `{' '.join(method.path)}` needs a running one")
        print(f"no engine is running: read from {given.data}", file=sys.stderr)
        yield disk
    finally:
        disk.close()


def _hint(method: Method, data: Path | None) -> str:
    """What to try where nothing answers."""
    if data is not None:
        return f"; an engine holds {data}: --url says where it answers"
    if method.on_disk:
        return "; with no engine running, --data DIR reads the disk"
    return f"; `{' '.join(method.path)}` needs a running engine"


def _opened(directory: Path, tools: Tools) -> Disk | None:
    try:
        return tools.open_disk(directory)
    except StoreError as trouble:
        raise CommandError(FAILED, f"cannot read the disk: {trouble}") from None
    except OSError as trouble:
        raise CommandError(FAILED, f"cannot read the disk: {trouble.filename}: {trouble.strerror}") from None


def _do(method: Method, given: argparse.Namespace, link: Link) -> int:
    asked = params(method, given)
    if method.name in WALKS:
        return WALKS[method.name](method, asked, link, given)
    if method.name == "rating.compare":
        return _compare(method, asked, link, given.json)
    if method.moves_money and REQUEST_ID.name not in asked:
        asked[REQUEST_ID.name] = str(uuid.uuid4())
        print(f"request_id: {asked[REQUEST_ID.name]}", file=sys.stderr, flush=True)
    try:
        with watched(link, sys.stderr) if _to_watch(method, given) else nullcontext():
            answer = call(link, method.name, asked, method.patience)
    except LostError as error:
        if not method.moves_money:
            raise
        again = f"whether it was done is not known: ask again with --request-id {asked[REQUEST_ID.name]}"
        raise LostError(f"{error}; {again}") from None
    result = msgspec.json.decode(answer, type=dict[str, object])
    if given.json:
        print(answer.decode())
    else:
        _show(method, result)
    judge = JUDGES.get(method.name)
    return DONE if judge is None else judge(result)


def _to_watch(method: Method, given: argparse.Namespace) -> bool:
    return method.name == "tariff.import" and ("progress" in given or sys.stderr.isatty())


def _show(method: Method, result: Json) -> None:
    rows = result.get(method.rows)
    if isinstance(rows, list):
        damaged = any("damaged" in row for row in rows)
        lines = table(rows, (*method.columns, "damaged") if damaged else method.columns)
    else:
        lines = REPORTS.get(method.name, shown)(result)
    for line in lines:
        print(line)
    if isinstance(rows, list) and result.get("next") is not None:
        print(f"there are more: --after {result['next']}", file=sys.stderr)


def _compare(method: Method, asked: dict[str, object], link: Link, as_json: bool) -> int:
    """The file's calls, page after page, and what they come to."""
    path = Path(str(asked["records"]))
    result = compare.compare(path, lambda page: call(link, method.name, {**asked, "records": page}, method.patience))
    for line in [msgspec.json.encode(result).decode()] if as_json else shown(result):
        print(line)
    return DONE
