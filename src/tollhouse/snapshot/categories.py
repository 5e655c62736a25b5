"""Which service a tariff category prices, as CGRateS's habits have it. Pure functions."""

from __future__ import annotations

from tollhouse.values.commands import Service


def service_of(category: str) -> Service:
    """What a tariff category prices: `data`, `data_...` data; `sms`, `sms_...` messages; any other (`call`) voice."""
    return {"data": Service.DATA, "sms": Service.MESSAGE}.get(category.partition("_")[0], Service.VOICE)


def category_for(category: str, service: Service) -> str:
    """The category that prices `service` for an account of `category`: its own, else the service's plain one."""
    if service_of(category) is service:
        return category
    return {Service.DATA: "data", Service.MESSAGE: "sms"}.get(service, "call")
