"""Who pays, who calls and who is called: identities out of Subscription-Id and Service-Information.

Numbers become E.164 digits without `+`: `tel:+44-20;phone-context=x`, `sip:+4420@host;user=phone` and `+4420` are one.
"""

from __future__ import annotations

import re
from typing import Final

from tollhouse.diameter import names
from tollhouse.diameter.codec import Avps, DiameterError
from tollhouse.diameter.names import Result, SubscriptionType
from tollhouse.values.commands import Service

_SCHEME: Final = re.compile(r"(tel|sips?):", re.IGNORECASE)
_SEPARATORS: Final = str.maketrans("", "", "-.() ")
_NUMBER: Final = re.compile(r"\+?[0-9*#]+")
_TEXT_LIMIT: Final = 255

Path = tuple[int, ...]

CALLED: Final[dict[Service, Path]] = {
    Service.VOICE: (names.SERVICE_INFORMATION, names.IMS_INFORMATION, names.CALLED_PARTY_ADDRESS),
    Service.DATA: (names.SERVICE_INFORMATION, names.PS_INFORMATION, names.CALLED_STATION_ID),
    Service.MESSAGE: (
        names.SERVICE_INFORMATION,
        names.SMS_INFORMATION,
        names.RECIPIENT_INFO,
        names.RECIPIENT_ADDRESS,
        names.ADDRESS_DATA,
    ),
}
"""Where the service's destination stands (TS 32.299 7.2; data: the access point name)."""

CALLING: Final[dict[Service, Path]] = {
    Service.VOICE: (names.SERVICE_INFORMATION, names.IMS_INFORMATION, names.CALLING_PARTY_ADDRESS),
    Service.DATA: (),
    Service.MESSAGE: (
        names.SERVICE_INFORMATION,
        names.SMS_INFORMATION,
        names.ORIGINATOR_RECEIVED_ADDRESS,
        names.ADDRESS_DATA,
    ),
}


def digits(text: str) -> str:
    """A number or URI as digits; what is no number comes back as the user part (`sip:alice@host` -> `alice`)."""
    scheme = _SCHEME.match(text)
    if scheme is None and "@" not in text:
        bare = text
    else:
        bare = (text[scheme.end() :] if scheme else text).partition("@")[0].partition(";")[0].partition(":")[0]
    number = bare.translate(_SEPARATORS)
    return number.lstrip("+") if _NUMBER.fullmatch(number) else bare


def is_number(text: str) -> bool:
    """Whether a normalised text is an E.164 number's digits."""
    return text.isascii() and text.isdigit()


def text_along(avps: Avps, path: Path) -> str | None:
    """The text at the end of a path of groups; None where any step is absent; 5004 when it is too long to be one."""
    *groups, last = path
    for key in groups:
        inner = avps.group(key)
        if inner is None:
            return None
        avps = inner
    return bounded_text(avps, last)


def raw_along(avps: Avps, path: Path) -> bytes:
    """The AVP at the end of a path, inside the groups that lead to it; empty where any step is absent or unreadable."""
    *groups, last = path
    for key in groups:
        try:
            inner = avps.group(key)
        except DiameterError:
            return b""
        if inner is None:
            return b""
        avps = inner
    offset = avps.found.get(last)
    return b"" if offset is None else avps.fault(Result.RATING_FAILED, offset, "").failed


def bounded_text(avps: Avps, key: int) -> str | None:
    """A text of at most 255 characters; 5004 beyond."""
    text = avps.text(key)
    if text is not None and len(text) > _TEXT_LIMIT:
        raise avps.fault(Result.INVALID_AVP_VALUE, avps.found[key], "text is too long")
    return text


def payer(avps: Avps) -> tuple[str, str]:
    """(wallet, account name) of the one who pays; one of them is given.

    E164, or a SIP URI with a number for its user, names the wallet; else IMSI, NAI, SIP URI, private identity or
    User-Name names the account, in this order. Kamailio puts Subscription-Id into Service-Information too
    (requirement diameter 3.8). Raises 5030 where nobody is named.
    """
    identities = _subscriptions(avps)
    if not identities:
        service_information = avps.group(names.SERVICE_INFORMATION)
        if service_information is not None:
            identities = _subscriptions(service_information)
    wallet = digits(identities.get(SubscriptionType.E164, ""))
    if wallet:
        return wallet, ""
    uri = identities.get(SubscriptionType.SIP_URI, "")
    if is_number(digits(uri)):
        return digits(uri), ""
    for kind in (SubscriptionType.IMSI, SubscriptionType.NAI):
        if identities.get(kind):
            return "", identities[kind]
    name = _without_scheme(uri) or identities.get(SubscriptionType.PRIVATE) or bounded_text(avps, names.USER_NAME)
    if not name:
        raise DiameterError(Result.USER_UNKNOWN, "no subscriber is named")
    return "", name


def _subscriptions(avps: Avps) -> dict[int, str]:
    """Subscription-Id-Data by type, the first of each."""
    identities: dict[int, str] = {}
    for offset in avps.offsets(names.SUBSCRIPTION_ID):
        subscription = avps.group_at(offset)
        kind = subscription.unsigned32(names.SUBSCRIPTION_ID_TYPE)
        data = bounded_text(subscription, names.SUBSCRIPTION_ID_DATA)
        if kind is None:
            raise subscription.missing(names.SUBSCRIPTION_ID_TYPE)
        if data is None:
            raise subscription.missing(names.SUBSCRIPTION_ID_DATA)
        identities.setdefault(kind, data)
    return identities


def _without_scheme(uri: str) -> str:
    scheme = _SCHEME.match(uri)
    return (uri[scheme.end() :] if scheme else uri).partition(";")[0]
