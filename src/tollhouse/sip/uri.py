"""SIP, SIPS and tel URIs on bytes (RFC 3261 19.1, RFC 3966): only the parts that a redirect needs."""

from __future__ import annotations

import re
from typing import Final

import msgspec

_SIP: Final = re.compile(
    rb"(?i:(sips?)):(?:([^@\s<>\"]*+)@)?(\[[0-9a-f:.]++\]|[a-z0-9._-]++)(?::([0-9]{1,5}))?((?:;[^\s<>\"?;]*+)*+)", re.I
)
_TEL: Final = re.compile(rb"tel:([^\s<>\"@?;]++)((?:;[^\s<>\"?;]*+)*+)", re.I)
_SCHEME: Final = re.compile(rb"[a-z][a-z0-9+.-]*+:", re.I)
_KNOWN: Final = (b"sip:", b"sips:", b"tel:")
_ESCAPE: Final = re.compile(rb"%([0-9a-fA-F]{2})")
_CONTEXT: Final = re.compile(rb"(?:^|;)phone-context=(?:\+|%2b)([0-9().-]++)(?:;|$)", re.I)
_UNSAFE: Final = re.compile(rb"[^A-Za-z0-9_.!~*'()&=+$,;?/-]")
_SEPARATORS: Final = str.maketrans("", "", "-.()")
_NUMBER: Final = re.compile(r"[0-9*#]+")

DEFAULT_PORT: Final = 5060


class UriError(ValueError):
    """No URI, or one whose scheme is not served (`unknown_scheme`)."""

    def __init__(self, unknown_scheme: bool) -> None:
        super().__init__("unsupported URI scheme" if unknown_scheme else "malformed URI")
        self.unknown_scheme = unknown_scheme


class Uri(msgspec.Struct, frozen=True, gc=False):
    """`user` is as sent: still escaped, its parameters (`;npdi`) on, its password cut off. `port` 0 = not given.

    A tel URI's user is its number with its parameters, its host is empty.
    """

    scheme: bytes
    user: bytes
    host: bytes
    port: int


def parse_uri(raw: bytes) -> Uri:
    """Read a URI without header part (`?...` is for links and Contacts alone, RFC 3261 19.1.1). Raises UriError."""
    match = _SIP.fullmatch(raw)
    if match is not None:
        scheme, user, host, port = match.group(1, 2, 3, 4)
        return Uri(scheme.lower(), (user or b"").partition(b":")[0], host.lower(), int(port) if port else 0)
    match = _TEL.fullmatch(raw)
    if match is not None:
        return Uri(b"tel", match.group(1) + match.group(2), b"", 0)
    named = _SCHEME.match(raw)
    raise UriError(unknown_scheme=named is not None and named.group().lower() not in _KNOWN)


def user_text(uri: Uri) -> str:
    """The user part as meant: parameters cut (RFC 3966, RFC 4694), %-escapes undone. UriError where it is no text.

    A local number whose phone-context begins a global one is completed by it (RFC 3966 5.1.5).
    """
    user, _, parameters = uri.user.partition(b";")
    if b"%" in user:
        user = _ESCAPE.sub(lambda match: bytes((int(match.group(1), 16),)), user)
    if parameters and not user.startswith(b"+") and (context := _CONTEXT.search(parameters)) is not None:
        user = b"+" + context.group(1) + user
    try:
        return user.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UriError(unknown_scheme=False) from error


def plain_number(user: str) -> str:
    """A telephone number without its visual separators and leading `+` (RFC 3966 5.1.1); a name stays as it is."""
    number = user.translate(_SEPARATORS).removeprefix("+")
    return number if _NUMBER.fullmatch(number) else user


def escape_user(user: str) -> bytes:
    """A user part as it may stand in a URI: everything outside RFC 3261's `user` characters is %-escaped."""
    return _UNSAFE.sub(lambda match: b"%%%02X" % match.group()[0], user.encode("utf-8"))
