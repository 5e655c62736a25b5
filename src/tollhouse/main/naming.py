"""What a record's buckets are called and counted in, those that are gone by now included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from tollhouse.records.forward import BroughtForward
from tollhouse.records.record import Record
from tollhouse.records.text import BucketKind, kinds_of
from tollhouse.values.money import format_amount
from tollhouse.wallet.state import Wallet

DECIMALS_MAX: Final = 25
"""More than any unit has: what a token says is not believed beyond it."""
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
        self.gone: dict[int, BucketKind] = {}
        """Each bucket that was met and is gone."""

    def meet(self, record: Record) -> None:
        """Know what it says of the buckets that it moved."""
        named = {one.bucket: one for one in record.buckets}
        for posting in record.postings:
            if (one := named.get(posting.bucket)) is not None:
                self.learn(one.bucket, BucketKind(one.balance_type, posting.unit or record.unit, one.decimals))
            else:
                unit = posting.unit or record.unit
                places = self.decimals(unit) if posting.unit else record.places(self.decimals(unit))
                self.learn(posting.bucket, BucketKind("", unit, places))

    def meet_forward(self, forward: BroughtForward) -> None:
        """Know what was brought forward."""
        units = dict(forward.units)
        for bucket, _ in forward.buckets:
            unit = units.get(bucket) or forward.unit
            self.learn(bucket, BucketKind("", unit, self.decimals(unit)))

    def learn(self, bucket: int, kind: BucketKind) -> None:
        """What the bucket is; of one that the wallet has, the wallet says it, else who names its balance type."""
        known = self.kinds.get(bucket)
        if known is None or (kind.balance_type and not known.balance_type):
            self.gone[bucket] = self.kinds[bucket] = kind

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
