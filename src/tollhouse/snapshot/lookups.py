"""What the decisions may ask the compiled configuration. `store/` implements it over LMDB, a dict does in tests."""

from __future__ import annotations

from typing import Protocol

from tollhouse.snapshot.accounts import Account, BalanceType, CarrierRate, Gateway
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
        """The rating profile of exactly this subject; falling back to `*any` is rating's business."""

    def rates(self, plan: str, digits: str) -> list[PrefixRates]:
        """The plan's prefixes of `digits`, the longest first, `""` (destination *any) last where the plan has it."""

    def known_destination(self, digits: str) -> str:
        """The longest prefix of `digits` that any destination of the tariff names; empty if none."""

    def carriers(self, digits: str) -> list[CarrierRate]:
        """Each carrier's rate for its longest prefix of `digits`, unsorted."""

    def unit(self, name: str) -> Unit | None:
        """The unit of this name."""

    def balance_type(self, name: str) -> BalanceType | None:
        """The balance type of this name."""
