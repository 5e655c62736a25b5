"""What a record's buckets are called and counted in, those that are gone by now included."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from tollhouse.records.forward import BroughtForward
from tollhouse.records.record import Record
from tollhouse.records.text import BucketKind, kinds_of
from tollhouse.values.money import format_amount
from tollhouse.wallet.state import Wallet

Units: TypeAlias = Callable[[str], int | None]
"""A unit's decimals; None: it is not configured, or the configuration cannot be read."""


def no_units(_unit: str) -> int | None:
    """Where there is no configuration to ask."""
    return None


class Names:
    """Of one wallet; None: it was removed. Records that are met on the way say what gone buckets counted."""

    def __init__(self, wallet: Wallet | None, units: Units) -> None:
        self._wallet = wallet
        self._units = units
        self.kinds: dict[int, BucketKind] = kinds_of(wallet) if wallet else {}
        self.gone: dict[int, str] = {}
        """The unit of each bucket that was met and is gone; empty: money."""

    def meet(self, record: Record) -> None:
        """Know what its postings say."""
        for posting in record.postings:
            self.learn(posting.bucket, posting.unit, record.unit)

    def meet_forward(self, forward: BroughtForward) -> None:
        """Know what was brought forward."""
        units = dict(forward.units)
        for bucket, _ in forward.buckets:
            self.learn(bucket, units.get(bucket, ""), forward.unit)

    def learn(self, bucket: int, unit: str, money: str) -> None:
        """That the bucket counts this unit (empty: it is `money`); of one that the wallet has, the wallet says it."""
        if bucket not in self.kinds:
            self.gone[bucket] = unit
            self.kinds[bucket] = BucketKind("", unit or money, self.decimals(unit or money))

    def decimals(self, unit: str) -> int:
        """Of the wallet's money as many as the wallet has."""
        if self._wallet is not None and unit == self._wallet.unit:
            return self._wallet.decimals
        return self._units(unit) or 0

    def named(self, bucket: int) -> dict[str, object]:
        """The bucket as JSON."""
        kind = self.kinds.get(bucket)
        return {
            "bucket": bucket,
            "balance_type": kind.balance_type if kind else "",
            "unit": kind.unit if kind else "",
        }

    def amount(self, bucket: int, amount: int) -> str:
        """In the bucket's unit."""
        kind = self.kinds.get(bucket)
        return format_amount(amount, kind.decimals if kind else 0)
