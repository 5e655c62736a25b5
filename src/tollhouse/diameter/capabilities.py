"""Capabilities exchange (RFC 6733 5.3): is the peer acceptable, and what we tell it about ourselves."""

from __future__ import annotations

import ipaddress
from typing import Final

from tollhouse.diameter import names
from tollhouse.diameter.codec import Avps, DiameterError, group_avp, octets_avp, text_avp, unsigned32_avp
from tollhouse.diameter.names import Result
from tollhouse.diameter.settings import DiameterSettings

_REQUIRED: Final = (
    names.ORIGIN_HOST,
    names.ORIGIN_REALM,
    names.HOST_IP_ADDRESS,
    names.VENDOR_ID,
    names.PRODUCT_NAME,
)
_NO_INBAND_SECURITY: Final = 0


def check_peer(cer: Avps, settings: DiameterSettings) -> str:
    """The peer's Origin-Host in lower case.

    Raises DiameterError: 5005 something is missing, 3010 a peer that is not admitted, 5010 no application in
    common, 5017 a peer that insists on inband security.
    """
    for key in _REQUIRED:
        if key not in cer.found:
            raise cer.missing(key)
    host = (cer.text(names.ORIGIN_HOST) or "").lower()
    if not admitted(host, settings.peers):
        raise DiameterError(Result.UNKNOWN_PEER, "peer is not admitted")
    if not _common_application(cer):
        raise DiameterError(Result.NO_COMMON_APPLICATION, "credit control is not offered")
    offered = {_word(cer, offset) for offset in cer.offsets(names.INBAND_SECURITY_ID)}
    if offered and _NO_INBAND_SECURITY not in offered:
        raise DiameterError(Result.NO_COMMON_SECURITY, "inband security is not offered here")
    return host


def admitted(host: str, patterns: tuple[str, ...]) -> bool:
    """Whether a lower-case Origin-Host is among `patterns` (a name, or `*.name` for all below it; none = all are)."""
    return not patterns or any(
        host.endswith(pattern[1:].lower()) if pattern.startswith("*.") else host == pattern.lower()
        for pattern in patterns
    )


def _common_application(cer: Avps) -> bool:
    """Auth 4, Acct 4, either inside Vendor-Specific-Application-Id, or a relay, which takes everything."""
    offered = _applications(cer)
    for offset in cer.offsets(names.VENDOR_SPECIFIC_APPLICATION_ID):
        offered |= _applications(cer.group_at(offset))
    return bool(offered & {names.CREDIT_CONTROL, names.RELAY})


def _applications(avps: Avps) -> set[int]:
    offsets = [*avps.offsets(names.AUTH_APPLICATION_ID), *avps.offsets(names.ACCT_APPLICATION_ID)]
    return {_word(avps, offset) for offset in offsets}


def _word(avps: Avps, offset: int) -> int:
    return int.from_bytes(avps.data_at(offset), "big")


def capabilities(settings: DiameterSettings, local_address: str) -> bytes:
    """Our AVPs after Origin-Realm in a CEA (and, in a probe, a CER).

    Kamailio 5.6 takes credit control for supported only with Vendor-Specific-Application-Id beside
    Auth-Application-Id (requirement diameter 2.4).
    """
    return b"".join(
        (
            octets_avp(names.HOST_IP_ADDRESS, address_data(local_address)),
            unsigned32_avp(names.VENDOR_ID, names.IETF),
            text_avp(names.PRODUCT_NAME, settings.product, mandatory=False),
            unsigned32_avp(names.ORIGIN_STATE_ID, settings.origin_state_id),
            unsigned32_avp(names.SUPPORTED_VENDOR_ID, names.TGPP),
            unsigned32_avp(names.SUPPORTED_VENDOR_ID, names.ETSI),
            unsigned32_avp(names.AUTH_APPLICATION_ID, names.CREDIT_CONTROL),
            unsigned32_avp(names.INBAND_SECURITY_ID, _NO_INBAND_SECURITY),
            group_avp(
                names.VENDOR_SPECIFIC_APPLICATION_ID,
                unsigned32_avp(names.VENDOR_ID, names.TGPP),
                unsigned32_avp(names.AUTH_APPLICATION_ID, names.CREDIT_CONTROL),
            ),
            unsigned32_avp(names.FIRMWARE_REVISION, settings.firmware, mandatory=False),
        )
    )


def address_data(address: str) -> bytes:
    """An Address value (RFC 6733 4.3.1): the family (1 = IPv4, 2 = IPv6), then the address."""
    packed = ipaddress.ip_address(address).packed
    return (b"\0\1" if len(packed) == 4 else b"\0\2") + packed
