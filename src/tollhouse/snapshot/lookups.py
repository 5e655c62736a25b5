"""What the decisions may ask the compiled configuration. `store/` implements it over LMDB, a dict does in tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from tollhouse.snapshot.accounts import Account, BalanceType, CarrierRate, Gateway
from tollhouse.snapshot.groups import Strategy
from tollhouse.snapshot.products import Batch, Cascade, NamedEvent, Product
from tollhouse.snapshot.rules import Rules
from tollhouse.snapshot.tariff import PrefixRates, Profile
from tollhouse.values.money import Unit


class Snapshot(Protocol):
    """One generation of the configuration. A reader lives no longer than a batch."""

    @property
    def generation(self) -> int:
        """The number of this generation; it only grows."""

    def only_tenant(self) -> str:
        """The tenant where there is exactly one, else an empty text."""

    def gateway(self, address: str, protocol: str) -> Gateway | None:
        """The gateway whose CIDR block holds the address (the longest one), if it may speak the protocol."""

    def account_by_name(self, name: str) -> Account | None:
        """The account of this user name."""

    def account_by_ani(self, ani: str) -> Account | None:
        """The account of this calling number."""

    def account_by_address(self, address: str) -> Account | None:
        """The account whose IP list or CIDR block holds the address (the longest block)."""

    def profile(self, tenant: str, category: str, service: str, subject: str) -> Profile | None:
        """The subject's rating profile: its own, or, where the tenant matches subjects by prefix, that of the longest
        subject that it begins with. Falling back to `*any` is rating's business.
        """

    def has_plan(self, plan: str) -> bool:
        """Whether there is a rating plan of this name, for voice or, with the service behind it, for another one."""

    def rates(self, plan: str, digits: str) -> Iterable[PrefixRates]:
        """The prefixes of `digits` that destinations of the plan's import have, the longest first, and last `""`
        (destination *any) where the plan has it. Without intervals: the plan does not price the prefix.

        Each is looked up when it is asked for.
        """

    def destinations(self, plan: str, digits: str) -> list[tuple[str, tuple[str, ...]]]:
        """The prefixes of `digits` that destinations of the plan's import have, the longest first, each with the tags
        of its destinations, whether the plan prices them or not.
        """

    def carriers(self, digits: str) -> list[CarrierRate]:
        """Each carrier's rate for its longest prefix of `digits`, unsorted."""

    def unit(self, name: str) -> Unit | None:
        """The unit of this name."""

    def balance_type(self, name: str) -> BalanceType | None:
        """The balance type of this name."""

    def rules(self, tenant: str) -> Rules:
        """The tenant's rules of charging: the defaults where it sets nothing, and where there is no such tenant."""

    def product(self, tenant: str, name: str) -> Product | None:
        """What the tenant sells under this name."""

    def batch(self, tenant: str, name: str) -> Batch | None:
        """The tenant's batch of subscriber accounts of this name."""

    def cascade(self, tenant: str, name: str) -> Cascade | None:
        """The tenant's order of balance types of this name."""

    def named_event(self, tenant: str, event_class: str, name: str) -> NamedEvent | None:
        """The tenant's event of this class and name, with its prices."""

    def strategy(self, tenant: str, group: str, wallet: str) -> Strategy:
        """In which order the members of the tenant's shared group lend to this one: its own, else everyone's."""
