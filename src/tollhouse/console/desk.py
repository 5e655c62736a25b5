"""What the API's methods reach, and the forms in which they read quantities. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import msgspec

from tollhouse.console.reading import Auditing, Reading
from tollhouse.engine.interface import Charging
from tollhouse.engine.tally import Tally
from tollhouse.snapshot.accounts import BalanceType
from tollhouse.values.commands import Service
from tollhouse.values.instants import SECOND, Duration, Instant, format_seconds, parse_instant
from tollhouse.values.money import Amount, AmountError, parse_amount

CLIENT: Final = "api"
"""`Caller.client` of every command of the API: its request ids are one space of keys."""

DEFAULT_UNIT: Final = "EUR"
USAGE_MAX: Final = 2**62
INSTANT_MAX: Final = 253_402_300_799 * SECOND
"""The last second of the year 9999."""

Json: TypeAlias = dict[str, object]


class ImportWish(msgspec.Struct, frozen=True):
    """A tariff folder to read: `pricing` exact, cgrates or as before (empty), `weights` code (the highest wins) or
    manual (the lowest)."""

    path: str
    dry_run: bool = False
    pricing: str = ""
    price_decimals: int = 5
    weights: str = "code"
    sanity: bool = False


class ExportWish(msgspec.Struct, frozen=True):
    """A tariff folder to write, from the import `plan`."""

    path: str
    plan: str
    layout: str = "v010"
    """Or rc8."""


class ProgressWish(msgspec.Struct, frozen=True):
    """How far the running import is: `phase`, `done` and `total`, each None where none runs."""


class BringWish(msgspec.Struct, frozen=True):
    """Subscribers of another platform to bring over, from a CSV file under the name of this import; `totals`: a file
    that says what they have to come to (empty: what the first one does)."""

    path: str
    dry_run: bool = False
    totals: str = ""
    name: str = "bring"


class ParametersWish(msgspec.Struct, frozen=True):
    """The source's own parameters to set for the tenant (empty: the only one), whose number there is `customer`."""

    path: str
    tenant: str = ""
    customer: str = ""
    dry_run: bool = False


Wish: TypeAlias = ImportWish | ExportWish | ProgressWish | BringWish | ParametersWish
Importing: TypeAlias = Callable[[Wish, Callable[[Json], None]], None]
"""(wish, done): reads or writes files of the engine's machine, or says how far reading is, and calls `done` once with
the report.

Now or later, in our thread."""


class ParameterError(ValueError):
    """A parameter that has the right type and makes no sense; the text names it."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What methods work with. `decimals` answers a unit's decimals or None, `balance_type` what is configured under the
    name; `patience` is how long a client waits."""

    charging: Charging
    reading: Reading
    audit: Auditing
    decimals: Callable[[str], int | None]
    status: Callable[[], Json]
    import_tariff: Importing
    balance_type: Callable[[str], BalanceType | None] = lambda _name: None
    patience: Duration = 10 * SECOND
    tally: Tally = field(default_factory=Tally)

    def deadline(self) -> Instant:
        """When the client of a request made now stops waiting."""
        return self.charging.now() + self.patience


def percent(name: str, text: str) -> int | None:
    """In hundredths; None where there is none. Raises ParameterError."""
    if not text:
        return None
    try:
        value = parse_amount(text, 2)
    except AmountError as error:
        raise ParameterError(f"{name}: {error}") from None
    if not 0 <= value <= 100 * 100:
        raise ParameterError(f"{name}: {text} is not 0 to 100 percent")
    return value


def amount(desk: Desk, name: str, text: str, unit: str, wallet: str = "") -> Amount:
    """A decimal string as an amount of `unit`; where that is empty, of the wallet's own unit, else of EUR.

    Raises ParameterError.
    """
    view = desk.reading.wallet(wallet) if wallet else None
    if view and unit in ("", view.unit):
        return Amount(steps(name, text, view.decimals), view.unit)
    unit = unit or DEFAULT_UNIT
    decimals = desk.decimals(unit)
    if decimals is None:
        raise ParameterError(f"unit: {unit!r} is not configured")
    return Amount(steps(name, text, decimals), unit)


def counted(desk: Desk, name: str, text: str, unit: str, balance_type: str, wallet: str) -> Amount:
    """An amount of a balance type: in the unit that it counts in where it is no money. Raises ParameterError."""
    kind = desk.balance_type(balance_type)
    return amount(desk, name, text, unit or (kind.unit if kind and kind.service else ""), wallet)


def steps(name: str, text: str, decimals: int) -> int:
    """A decimal string in smallest steps. Raises ParameterError."""
    try:
        return parse_amount(text, decimals)
    except AmountError as error:
        raise ParameterError(f"{name}: {error}") from error


def usage(name: str, value: int | str, service: Service) -> int:
    """Seconds of voice to microseconds; octets and messages as they are. Raises ParameterError."""
    text = str(value)
    units = steps(name, text, 6 if service is Service.VOICE else 0)
    if not 0 <= units <= USAGE_MAX:
        raise ParameterError(f"{name}: {text!r} is out of range")
    return units


def shown_usage(units: int, service: Service) -> int | str:
    """The inverse of `usage`: an integer, or a decimal string where a voice usage has a fraction of a second."""
    return shown_seconds(units) if service is Service.VOICE else units


def shown_seconds(duration: Duration) -> int | str:
    """Seconds: an integer where whole, else a decimal string."""
    return format_seconds(duration) if duration % SECOND else duration // SECOND


def instant(name: str, text: str) -> Instant:
    """ISO 8601, or an empty text for "not given" (0). Raises ParameterError."""
    if not text:
        return 0
    try:
        moment = parse_instant(text)
    except (ValueError, OverflowError) as error:
        raise ParameterError(f"{name}: {text[:40]!r} is not an ISO 8601 time") from error
    if not 0 < moment <= INSTANT_MAX:
        raise ParameterError(f"{name}: {text[:40]!r} is out of range")
    return moment
