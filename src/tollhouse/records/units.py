"""With how many decimals a bucket's amounts are written."""

from __future__ import annotations

from typing import Final

from tollhouse.values.commands import Service
from tollhouse.wallet.state import Bucket

_FINEST: Final = 6
"""Decimals of a second: time is counted in microseconds."""


def decimals_of(bucket: Bucket, money: int) -> int:
    """Of money as many as the wallet has, `money`; of time as its step says (one of 100,000 us: tenths of a second);
    what counts anything else is whole."""
    if not bucket.service:
        return money
    return max(_FINEST + 1 - len(str(bucket.step)), 0) if bucket.service == Service.VOICE else 0
