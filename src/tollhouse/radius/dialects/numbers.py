"""The attribute numbers that the call dialect works with, taken from the dictionaries once at the start."""

from __future__ import annotations

import msgspec

from tollhouse.radius.dictionary import Dictionary

NAMES = {
    "user_name": "User-Name",
    "user_password": "User-Password",
    "chap_password": "CHAP-Password",
    "chap_challenge": "CHAP-Challenge",
    "service_type": "Service-Type",
    "called": "Called-Station-Id",
    "calling": "Calling-Station-Id",
    "klass": "Class",
    "nas_address": "NAS-IP-Address",
    "nas_identifier": "NAS-Identifier",
    "reply_message": "Reply-Message",
    "session_timeout": "Session-Timeout",
    "status_type": "Acct-Status-Type",
    "delay_time": "Acct-Delay-Time",
    "session_id": "Acct-Session-Id",
    "session_time": "Acct-Session-Time",
    "input_octets": "Acct-Input-Octets",
    "output_octets": "Acct-Output-Octets",
    "input_gigawords": "Acct-Input-Gigawords",
    "output_gigawords": "Acct-Output-Gigawords",
    "terminate_cause": "Acct-Terminate-Cause",
    "event_timestamp": "Event-Timestamp",
    "eap_message": "EAP-Message",
    "ms_chap": "MS-CHAP-Response",
    "ms_chap2": "MS-CHAP2-Response",
    "digest": "Digest-Response",
    "sip_digest": "Sip-Digest-Response",
    "av_pair": "Cisco-AVPair",
    "conf_id": "h323-conf-id",
    "connect_time": "h323-connect-time",
    "disconnect_time": "h323-disconnect-time",
    "disconnect_cause": "h323-disconnect-cause",
    "credit_amount": "h323-credit-amount",
    "credit_time": "h323-credit-time",
    "return_code": "h323-return-code",
    "currency": "h323-currency",
    "mikrotik_limit": "Mikrotik-Total-Limit",
    "mikrotik_limit_high": "Mikrotik-Total-Limit-Gigawords",
    "chilli_limit": "ChilliSpot-Max-Total-Octets",
    "chilli_limit_high": "ChilliSpot-Max-Total-Gigawords",
}
"""Field here -> name in the dictionaries."""


class Numbers(msgspec.Struct, frozen=True, gc=False):
    """Each field is the number of the attribute that `NAMES` gives for it."""

    user_name: int
    user_password: int
    chap_password: int
    chap_challenge: int
    service_type: int
    called: int
    calling: int
    klass: int
    nas_address: int
    nas_identifier: int
    reply_message: int
    session_timeout: int
    status_type: int
    delay_time: int
    session_id: int
    session_time: int
    input_octets: int
    output_octets: int
    input_gigawords: int
    output_gigawords: int
    terminate_cause: int
    event_timestamp: int
    eap_message: int
    ms_chap: int
    ms_chap2: int
    digest: int
    sip_digest: int
    av_pair: int
    conf_id: int
    connect_time: int
    disconnect_time: int
    disconnect_cause: int
    credit_amount: int
    credit_time: int
    return_code: int
    currency: int
    mikrotik_limit: int
    mikrotik_limit_high: int
    chilli_limit: int
    chilli_limit_high: int


def numbers(dictionary: Dictionary) -> Numbers:
    """Raises DictionaryError where a name is missing from the files."""
    return Numbers(**{field: dictionary.number(name) for field, name in NAMES.items()})
