"""The table of methods as a parser, and what it read as parameters."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import msgspec

from tollhouse.cli.http import DEFAULT_URL, base_url
from tollhouse.cli.method import Argument, Kind, Method
from tollhouse.cli.table import METHODS

Nouns: TypeAlias = "argparse._SubParsersAction[Parser]"
Run: TypeAlias = Callable[[argparse.Namespace], int]
"""What a parser's `run` default is: does the command, returns the exit status."""

_NOUNS = {
    "system": "the appliance itself",
    "tariff": "what it charges by",
    "config": "what it goes by",
    "rating": "prices",
    "wallet": "who pays",
    "session": "calls and data sessions",
    "event": "one-shot charges, named events",
    "record": "what moved",
}


class Parser(argparse.ArgumentParser):
    """Says of a word that it does not know which one may have been meant. The parsers of its nouns are like it."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            told = f"unknown: {value!r}{_meant(value, known)} (one of {', '.join(known)})"
            raise argparse.ArgumentError(action, told)

    def error(self, message: str) -> NoReturn:
        """Status 2, with how to get help."""
        super().error(f"{message}\n`{self.prog} --help` says more")


def _meant(word: str, known: list[str]) -> str:
    """The nearest known word; else the command whose verb it is."""
    near = [f"`{choice}`" for choice in get_close_matches(word, known, 1)]
    verbs = [f"`{' '.join(method.path)}`" for method in METHODS if method.path[-1] == word and method.path[0] in known]
    return f", did you mean {' or '.join(near or verbs)}?" if near or verbs else ""


def add_methods(nouns: Nouns, run: Callable[[Method, argparse.Namespace], int]) -> None:
    """A command for each row of the table."""
    verbs: dict[str, Nouns] = {}
    for method in METHODS:
        *noun, verb = method.path
        for name in noun:
            if name not in verbs:
                parent = nouns.add_parser(name, help=_NOUNS[name], description=_NOUNS[name], allow_abbrev=False)
                verbs[name] = parent.add_subparsers(metavar="VERB", required=True)
        parser = (verbs[noun[0]] if noun else nouns).add_parser(
            verb, help=method.help, description=_described(method), allow_abbrev=False
        )
        for argument in (*method.arguments, *method.options, *method.local):
            _add(parser, argument)
        _add_common(parser)
        parser.set_defaults(run=_bound(run, method))


def _described(method: Method) -> str:
    where = "asks the engine; with no engine running it reads --data" if method.on_disk else "needs a running engine"
    return f"{method.help} (JSON-RPC method {method.name}; {where})"


def _bound(run: Callable[[Method, argparse.Namespace], int], method: Method) -> Run:
    return lambda given: run(method, given)


def _add(parser: argparse.ArgumentParser, argument: Argument) -> None:
    flags = [argument.name] if argument.positional else [f"--{argument.name.replace('_', '-')}"]
    more: dict[str, object] = {"help": argument.help.replace("%", "%%")}
    if not argument.positional:
        more |= {"dest": argument.name, "default": argparse.SUPPRESS, "required": argument.required}
    if argument.kind is Kind.FLAG:
        more["action"] = "store_true"
    elif argument.choices:
        more["choices"] = argument.choices
    else:
        more |= {"type": _READ[argument.kind], "metavar": argument.kind.value if not argument.positional else None}
    parser.add_argument(*flags, **more)  # type: ignore[arg-type]


def word(given: str) -> str:
    """Text in UTF-8 without control characters. Raises ArgumentTypeError."""
    if any(character < " " or character == "\x7f" for character in _utf8(given)):
        raise argparse.ArgumentTypeError(f"{given!r} holds a control character")
    return given


def _utf8(given: str) -> str:
    try:
        given.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{given!r} is no UTF-8") from None
    return given


def _folder(given: str) -> str:
    return str(Path(_utf8(given)).absolute())


def _names(given: str) -> list[str]:
    return [name for name in map(str.strip, word(given).split(",")) if name]


def _json(given: str) -> object:
    """JSON, or what is in the file behind an @. Raises ArgumentTypeError."""
    try:
        text = Path(given[1:]).read_bytes() if given.startswith("@") else _utf8(given).encode()
        return msgspec.json.decode(text)
    except OSError as trouble:
        raise argparse.ArgumentTypeError(f"{given[1:]}: {trouble.strerror}") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"no JSON: {error}") from None


def _or_none(given: str) -> str | None:
    return None if given == "none" else word(given)


_READ: dict[Kind, Callable[[str], object]] = {
    Kind.TEXT: word,
    Kind.NUMBER: int,
    Kind.FOLDER: _folder,
    Kind.FILE: _folder,
    Kind.OR_NONE: _or_none,
    Kind.LIST: _names,
    Kind.JSON: _json,
}


def _add_common(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the engine, and the output")
    group.add_argument("--json", action="store_true", help="print the result as the API gives it")
    group.add_argument(
        "--url",
        dest="at_url",
        metavar="URL",
        type=base_url,
        default=os.environ.get("TOLLHOUSE_URL") or DEFAULT_URL,
        help=f"where the engine answers (default: $TOLLHOUSE_URL, else {DEFAULT_URL})",
    )
    named = os.environ.get("TOLLHOUSE_TOKEN_FILE")
    group.add_argument(
        "--token-file",
        metavar="FILE",
        type=Path,
        default=Path(named) if named else None,
        help="the bearer token's file, mode 0600 (default: $TOLLHOUSE_TOKEN_FILE, else the engine's own where it can "
        "be read, else no token)",
    )
    group.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="the engine's data directory: read from disk when no engine holds it",
    )


def params(method: Method, given: argparse.Namespace) -> dict[str, object]:
    """What was given of the method's parameters."""
    values = vars(given)
    return {one.name: values[one.name] for one in method.arguments if one.name in values}
