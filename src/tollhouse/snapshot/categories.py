"""Which service a tariff category prices, as CGRateS's habits have it. Pure functions."""

from __future__ import annotations

from typing import Final

from tollhouse.values.commands import Service

_PLAIN: Final = {
    Service.VOICE: "call",
    Service.DATA: "data",
    Service.MESSAGE: "sms",
    Service.MMS: "mms",
    Service.GENERIC: "generic",
}
_SERVICES: Final = {category: service for service, category in _PLAIN.items()}


def service_of(category: str) -> Service:
    """What a tariff category prices: `data` and `data_...` data, likewise `sms`, `mms` and `generic`; any other voice.

    A named type of record (CGRateS's own ToR) is generic, priced by the category `generic_NAME`.
    """
    return _SERVICES.get(category.partition("_")[0], Service.VOICE)


def category_for(category: str, service: Service) -> str:
    """The category that prices `service` for an account of `category`: its own, else the service's plain one."""
    return category if service_of(category) is service else _PLAIN[service]
