"""The source's configuration files: groups in braces, lists in brackets, or plainly `group.key = value`.

    reservationHandler = {
        discountRuleType = "s*w*r"    # a comment
        zeroLengthFreeCalls = { writeCDR = true }
    }
    namedEventHandler.CascadeNamesByAcsId = [ { acsCustomerId = 12, cascade = "Cascade1" } ]
    common.ignoreBTs = [ 201, 202 ]

A comma parts no more than a space does, and a text in quotation marks ends in its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import msgspec

Whole: TypeAlias = Callable[[str, str], bool]
"""(group, key): whether what follows in braces is this key's value as it stands, and no group of keys."""
DEEPEST: Final = 32
_TOKEN: Final = re.compile(r'(?P<skip>[\s,]+|#[^\n]*)|(?P<mark>[={}\[\]])|(?P<text>"[^"\n]*"|[^\s,={}\[\]"#]+)')
_MARKS: Final = "={}[]"
_CLOSING: Final = {"{": "}", "[": "]"}


class Setting(msgspec.Struct, frozen=True, gc=False):
    """`group.key = text`; `entry`: in which of the file's lists' entries, counted through; 0: in none."""

    line: int
    group: str
    key: str
    text: str
    entry: int = 0


class SourceError(ValueError):
    """What cannot be read on, and in which line."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class _Token(msgspec.Struct, frozen=True, gc=False):
    """A mark, a word, or a text with its quotation marks; empty at the end of the file."""

    text: str
    line: int
    start: int


def settings(text: str, whole: Whole) -> Iterator[Setting]:
    """All that the file says, in its order. Raises SourceError, behind what could be read."""
    reader = _Reader(text, whole)
    yield from reader.group((), 0, None)


def _tokens(text: str) -> Iterator[_Token]:
    start, line = 0, 1
    while start < len(text):
        found = _TOKEN.match(text, start)
        if found is None:
            raise SourceError(line, 'a text is not closed by a " in its line')
        if found.lastgroup != "skip":
            yield _Token(found[0], line, start)
        line += found[0].count("\n")
        start = found.end()
    yield _Token("", line, start)


class _Reader:
    """One file, token by token."""

    def __init__(self, text: str, whole: Whole) -> None:
        self._text = text
        self._whole = whole
        self._tokens = _tokens(text)
        self._entries = 0
        self._token = next(self._tokens)

    def group(self, path: tuple[str, ...], entry: int, opened: _Token | None) -> Iterator[Setting]:
        """What stands in a group, to its closing brace; with `opened` None to the end of the file."""
        if len(path) > DEEPEST:
            raise SourceError(self._token.line, f"groups stand in each other deeper than {DEEPEST}")
        while True:
            name = self._take()
            if name.text == ("" if opened is None else "}"):
                return
            if not name.text and opened is not None:
                raise SourceError(opened.line, "the group is not closed by a }")
            if name.text in _MARKS or name.text[0] == '"':
                raise SourceError(
                    name.line, f"{name.text if name.text in _MARKS else 'a text'!r} stands where a name was expected"
                )
            sign = self._take()
            if sign.text != "=":
                raise SourceError(name.line, "a name is not followed by =")
            *groups, key = name.text.split(".")
            yield from self._value((*path, *groups), key, name.line, entry)

    def _value(self, path: tuple[str, ...], key: str, line: int, entry: int) -> Iterator[Setting]:
        whole = self._whole(path[-1] if path else "", key)
        begins = self._take()
        if begins.text == "{" and not whole:
            yield from self.group((*path, key), entry, begins)
        elif begins.text == "[" and self._token.text == "{" and not whole:
            while self._token.text == "{":
                self._entries += 1
                yield from self.group((*path, key), self._entries, self._take())
            if self._take().text != "]":
                raise SourceError(begins.line, "the list is not a list of groups to its closing ]")
        else:
            yield Setting(line, ".".join(path), key, self._as_it_stands(begins), entry)

    def _as_it_stands(self, begins: _Token) -> str:
        """The value that begins with this token, up to its last bracket."""
        if begins.text in ("", "=", "}", "]"):
            raise SourceError(begins.line, "there is no value behind the =")
        last, open_ones = begins, [_CLOSING[begins.text]] if begins.text in _CLOSING else []
        while open_ones:
            last = self._take()
            if last.text in _CLOSING:
                open_ones.append(_CLOSING[last.text])
            elif last.text == open_ones[-1]:
                open_ones.pop()
            elif last.text in ("", "}", "]"):
                raise SourceError(begins.line, f"{begins.text} is not closed")
        return self._text[begins.start : last.start + len(last.text)]

    def _take(self) -> _Token:
        taken = self._token
        if taken.text:
            self._token = next(self._tokens)
        return taken
