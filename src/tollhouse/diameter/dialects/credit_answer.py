"""Outcome -> Credit-Control-Answer (RFC 8506 3.2). The same outcome always gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tollhouse.diameter import names
from tollhouse.diameter.codec import (
    group_avp,
    integer32_avp,
    integer64_avp,
    octets_avp,
    text_avp,
    unsigned32_avp,
    unsigned64_avp,
)
from tollhouse.diameter.dialects.credit_control import Exchange
from tollhouse.diameter.dialects.refusals import ABOUT_THE_SERVICE, RESULTS, SILENCE
from tollhouse.diameter.names import Result
from tollhouse.values.commands import Service
from tollhouse.values.instants import SECOND
from tollhouse.values.money import fits
from tollhouse.values.outcomes import Granted, Outcome, Refused, Settled
from tollhouse.values.refusals import Refusal

_WORD_MAX: Final = 0xFFFFFFFF
_SUCCESS: Final = unsigned32_avp(names.RESULT_CODE, Result.SUCCESS)
_CREDIT_CONTROL: Final = unsigned32_avp(names.AUTH_APPLICATION_ID, names.CREDIT_CONTROL)
_TERMINATE: Final = group_avp(names.FINAL_UNIT_INDICATION, unsigned32_avp(names.FINAL_UNIT_ACTION, 0))
_TYPES: Final = {kind: unsigned32_avp(names.CC_REQUEST_TYPE, kind) for kind in names.RequestType}


class AnswerWriter:
    """Writes the body of answers for one identity: what never changes is encoded once."""

    def __init__(self, origin: bytes, currencies: Mapping[str, int]) -> None:
        """`origin` = our Origin-Host and Origin-Realm AVPs."""
        self._after_result = origin + _CREDIT_CONTROL
        self._success = _SUCCESS + self._after_result
        self._currencies = currencies

    def write(self, exchange: Exchange, outcome: Outcome) -> tuple[int, bytes] | None:
        """(Result-Code, body) of the answer; None where silence is the answer."""
        if isinstance(outcome, Granted):
            return Result.SUCCESS, self._granted(exchange, outcome)
        if isinstance(outcome, Settled):
            return Result.SUCCESS, self._settled(exchange, outcome)
        refused = outcome if isinstance(outcome, Refused) else Refused(Refusal.INTERNAL_ERROR)
        result = RESULTS[refused.refusal]
        return None if result == SILENCE else (result, self._refused(exchange, result, refused))

    def _granted(self, exchange: Exchange, outcome: Granted) -> bytes:
        unit, validity, final = self._grant(outcome)
        if exchange.service_ids is None:
            grant = unit + validity + final
        else:
            ids = exchange.service_ids
            grant = group_avp(names.MULTIPLE_SERVICES_CREDIT_CONTROL, unit, ids, validity, _SUCCESS, final)
        return b"".join((exchange.session, self._success, _request(exchange), grant, _proxies(exchange)))

    def _grant(self, outcome: Granted) -> tuple[bytes, bytes, bytes]:
        """(Granted-Service-Unit, Validity-Time, Final-Unit-Indication), each empty where it is not due.

        Validity-Time is what the engine names and no more: the client asks again when it is over (RFC 8506 8.33), and
        not much later the engine takes the session for silent.
        """
        units = outcome.granted // SECOND if outcome.service is Service.VOICE else outcome.granted
        final = _TERMINATE if outcome.final else b""
        if units <= 0:
            return b"", b"", final
        seconds = min(outcome.validity // SECOND, _WORD_MAX)
        validity = unsigned32_avp(names.VALIDITY_TIME, seconds) if seconds else b""
        return octets_avp(names.GRANTED_SERVICE_UNIT, _unit(outcome.service, units)), validity, final

    def _settled(self, exchange: Exchange, outcome: Settled) -> bytes:
        service = b""
        if exchange.service_ids is not None:
            service = group_avp(names.MULTIPLE_SERVICES_CREDIT_CONTROL, exchange.service_ids, _SUCCESS)
        cost = self._cost(outcome)
        return b"".join((exchange.session, self._success, _request(exchange), service, cost, _proxies(exchange)))

    def _cost(self, outcome: Settled) -> bytes:
        """Cost-Information (RFC 8506 8.7) where the wallet's unit is a currency that ISO 4217 numbers."""
        currency = self._currencies.get(outcome.unit)
        if currency is None or not fits(outcome.cost):
            return b""
        value = group_avp(
            names.UNIT_VALUE,
            integer64_avp(names.VALUE_DIGITS, outcome.cost),
            integer32_avp(names.EXPONENT, -outcome.decimals),
        )
        return group_avp(names.COST_INFORMATION, value, unsigned32_avp(names.CURRENCY_CODE, currency))

    def _refused(self, exchange: Exchange, result: int, refused: Refused) -> bytes:
        code = unsigned32_avp(names.RESULT_CODE, result)
        failed = b""
        if result == Result.RATING_FAILED:
            failed = octets_avp(names.FAILED_AVP, exchange.rating_input())
        service = b""
        if exchange.service_ids is not None and result in ABOUT_THE_SERVICE:
            service = group_avp(names.MULTIPLE_SERVICES_CREDIT_CONTROL, exchange.service_ids, code)
        return b"".join(
            (
                exchange.session,
                code,
                self._after_result,
                _request(exchange),
                service,
                text_avp(names.ERROR_MESSAGE, refused.refusal.value, mandatory=False),
                failed,
                _proxies(exchange),
            )
        )


def _request(exchange: Exchange) -> bytes:
    return _TYPES[exchange.kind] + unsigned32_avp(names.CC_REQUEST_NUMBER, exchange.number)


def _unit(service: Service, units: int) -> bytes:
    if service is Service.VOICE:
        return unsigned32_avp(names.CC_TIME, min(units, _WORD_MAX))
    if service is Service.DATA:
        return unsigned64_avp(names.CC_TOTAL_OCTETS, units)
    return unsigned64_avp(names.CC_SERVICE_SPECIFIC_UNITS, units)


def _proxies(exchange: Exchange) -> bytes:
    """Every Proxy-Info as received, in order (RFC 6733 6.2)."""
    avps = exchange.avps
    if names.PROXY_INFO not in avps.found:
        return b""
    return b"".join(avps.raw_at(offset) for offset in avps.offsets(names.PROXY_INFO))
