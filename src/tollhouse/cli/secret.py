"""`tollhouse secret seal`: a secret from a terminal or a pipe, never from the command line, sealed for plain SQL."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from tollhouse.cli.errors import DONE, FAILED, CommandError
from tollhouse.cli.parser import Nouns

Seal: TypeAlias = Callable[[str], str]
LONGEST: Final = 4096
"""Octets read of a pipe; no switch takes a secret near it."""


class Keys(Protocol):
    """What the composition root hands in."""

    def __call__(self, settings: Path, key_file: Path | None) -> Seal:
        """Sealing under that key file, else under that of the settings. CommandError where it cannot be used."""


def add_secret(nouns: Nouns, keys: Keys, default: Path) -> None:
    """`secret seal`; `default` is the settings file that is read where none is named."""
    told = "passwords and RADIUS secrets for the config database"
    verbs = nouns.add_parser("secret", help=told, description=told, allow_abbrev=False).add_subparsers(
        metavar="VERB", required=True
    )
    seal = verbs.add_parser(
        "seal",
        help="seal one, to be put into SQL",
        description="asks for a secret without showing it, or reads a line from a pipe, and prints it sealed",
        allow_abbrev=False,
    )
    which = seal.add_mutually_exclusive_group()
    which.add_argument(
        "--settings",
        type=Path,
        default=default,
        metavar="FILE",
        help="the settings that name the key file (default: %(default)s)",
    )
    which.add_argument("--key-file", type=Path, metavar="FILE", help="the key file itself")
    seal.set_defaults(run=lambda given: _run(given, keys))


def _run(given: argparse.Namespace, keys: Keys) -> int:
    try:
        seal = keys(given.settings, given.key_file)
        print(seal(_typed() if sys.stdin.isatty() else _piped()))
    except CommandError as error:
        print(f"tollhouse: {error}", file=sys.stderr)
        return error.status
    return DONE


def _typed() -> str:
    """What was typed without being shown, twice alike."""
    try:
        secret = getpass.getpass("secret: ")
        again = getpass.getpass("again: ")
    except EOFError:
        raise CommandError(FAILED, "no secret was given") from None
    if secret != again:
        raise CommandError(FAILED, "the two are not the same: nothing is sealed")
    return _checked(secret)


def _piped() -> str:
    """The line on standard input; its end is no part of the secret."""
    given = sys.stdin.buffer.read(LONGEST + 1)
    if len(given) > LONGEST:
        raise CommandError(FAILED, f"a secret has at most {LONGEST} octets")
    try:
        return _checked(given.decode().removesuffix("\n").removesuffix("\r"))
    except UnicodeDecodeError:
        raise CommandError(FAILED, "a secret is text in UTF-8") from None


def _checked(secret: str) -> str:
    if not secret:
        raise CommandError(FAILED, "no secret was given")
    if any(character < " " or character == "\x7f" for character in secret):
        raise CommandError(FAILED, "a secret is one line without control characters")
    return secret
