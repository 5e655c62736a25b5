"""Where the source contradicts itself, or can be read in two ways: what was decided of a key that a file has.

Source: requirement oracle_vws 2, R1 to R11. What rulings refuse (a zone that is none, R3; a misprint, R11; a key in
another group, R12) is refused where names and values are read.
"""

from __future__ import annotations

from typing import Final

_EXAMPLE: Final = "R11: what the source has in its example and not as its default; what stands here holds"
_MIDNIGHT: Final = (
    "R1: the midnight with which the day of the expiry begins; `expiry.expire_midnight_edge` has the other one"
)
RULINGS: Final = {
    "BE.expireAtMidnightTZ": {"false": "R2: `false` means none, for it is a zone", "": _MIDNIGHT},
    "beVWARSExpiry.expireAtMidnightTZ": {"false": "R2: `false` means none, for it is a zone", "": _MIDNIGHT},
    "namedEventHandler.reservationPeriod": {"": "R4: milliseconds, though its tolerance is in seconds"},
    "reservationHandler.discountRuleType": {
        "s*w*r": "R5: allowed, though the source's own list lacks it",
        "ServiceOverride": "R8: the request's discount alone, where it has one",
    },
    "namedEventHandler.roundingRuleType": {"bankers": "R6: half up, away from zero, not half to even"},
    "common.ccsBalanceExpiryRoundUp": {"true": "R7: to the nearest day, not up to the next one"},
    "voucherHandler.weeklyBadPinExpiryHours": {"744": "R9: as long as the monthly one; kept"},
    "reservationHandler.reservationLengthTolerance": {"30": _EXAMPLE},
    "reservationHandler.useWorstCaseBalances": {"false": _EXAMPLE},
    "dcaResPlugin.sendNotifications": {"false": _EXAMPLE},
}
"""`group.key` to value (empty: any other one) to the ruling."""


def ruling(where: str, value: str) -> str:
    """What was decided of `group.key` with this value; empty: nothing had to be."""
    own = RULINGS.get(where, {})
    return own.get(value) or own.get(value.lower()) or own.get("", "")
