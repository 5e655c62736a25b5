"""Carriers in order of cost, and the number that each wants."""

from __future__ import annotations

from tollhouse.routing.routes import routes
from tollhouse.snapshot.accounts import Account, BalanceType, CarrierRate, Gateway
from tollhouse.snapshot.tariff import PrefixRates, Profile
from tollhouse.values.money import Unit
from tollhouse.values.outcomes import Route


class Carriers:
    """A snapshot that knows carrier rates alone."""

    generation = 1

    def __init__(self, *rates: CarrierRate) -> None:
        self._rates = list(rates)

    def carriers(self, digits: str) -> list[CarrierRate]:
        return self._rates

    def only_tenant(self) -> str:
        return ""

    def gateway(self, address: str, protocol: str) -> Gateway | None:
        return None

    def account_by_name(self, name: str) -> Account | None:
        return None

    def account_by_ani(self, ani: str) -> Account | None:
        return None

    def account_by_address(self, address: str) -> Account | None:
        return None

    def profile(self, tenant: str, category: str, service: str, subject: str) -> Profile | None:
        return None

    def rates(self, plan: str, digits: str) -> list[PrefixRates]:
        return []

    def unit(self, name: str) -> Unit | None:
        return None

    def balance_type(self, name: str) -> BalanceType | None:
        return None


def test_cheapest_first_then_priority_then_name() -> None:
    snapshot = Carriers(
        CarrierRate("dear", "d.invalid", 0, "", 20, 1),
        CarrierRate("zeta", "z.invalid", 0, "", 10, 1),
        CarrierRate("alpha", "a.invalid", 0, "", 10, 1),
        CarrierRate("last", "l.invalid", 0, "", 10, 2),
    )
    assert [route.carrier for route in routes(snapshot, "4420")] == ["alpha", "zeta", "last", "dear"]


def test_the_number_is_stripped_then_prefixed() -> None:
    snapshot = Carriers(CarrierRate("c", "c.invalid:5080", 2, "0099", 5, 0))
    assert routes(snapshot, "442071234567") == (Route("c", "c.invalid:5080", "00992071234567", 5),)


def test_stripping_more_than_there_is_leaves_the_prefix() -> None:
    assert routes(Carriers(CarrierRate("c", "c.invalid", 9, "7", 5, 0)), "44") == (Route("c", "c.invalid", "7", 5),)


def test_no_carrier_no_route() -> None:
    assert routes(Carriers(), "4420") == ()
