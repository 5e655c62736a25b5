"""The objects that parameters may be: what a bucket may be used for, until when it lasts, a line of a recharge."""

from __future__ import annotations

import re
from typing import Annotated, Final, TypeAlias

import msgspec

from tollhouse.console.desk import Desk, ParameterError, instant, steps, usage
from tollhouse.console.params import Money, Name, Time, Used, Weight
from tollhouse.values.commands import Service
from tollhouse.values.instants import DAY, HOUR, MINUTE, SECOND, Duration
from tollhouse.values.recharges import ExpiryPolicy, Line, Validity
from tollhouse.values.uses import Timing, Use

Names: TypeAlias = Annotated[tuple[Name, ...], msgspec.Meta(max_length=100)]
Years: TypeAlias = Annotated[tuple[Annotated[int, msgspec.Meta(ge=1970, le=9997)], ...], msgspec.Meta(max_length=100)]
Months: TypeAlias = Annotated[tuple[Annotated[int, msgspec.Meta(ge=1, le=12)], ...], msgspec.Meta(max_length=12)]
MonthDays: TypeAlias = Annotated[tuple[Annotated[int, msgspec.Meta(ge=1, le=31)], ...], msgspec.Meta(max_length=31)]
WeekDays: TypeAlias = Annotated[tuple[Annotated[int, msgspec.Meta(ge=1, le=7)], ...], msgspec.Meta(max_length=7)]
TimeOfDay: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?\Z")]
Period: TypeAlias = Annotated[str, msgspec.Meta(max_length=12)]
"""`30d`, `12h`, `30m` or `45s`; empty: none."""
BucketId: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**31)]

LONGEST: Final[Duration] = 36_525 * DAY
"""A hundred years."""
_PERIOD: Final = re.compile(r"([0-9]{1,9})([dhms])")
_LENGTHS: Final = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND}


class TimingForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a bucket may begin to pay: from `time` on, on the days that all lists name; an empty list names all."""

    years: Years = ()
    months: Months = ()
    month_days: MonthDays = ()
    week_days: WeekDays = ()
    time: TimeOfDay = "00:00:00"

    def timing(self) -> Timing:
        """Lists in order and without repeats, so that the same restriction is the same bucket."""
        hours, minutes, seconds = (int(part) for part in f"{self.time}:00".split(":")[:3])
        return Timing(
            years=tuple(sorted(set(self.years))),
            months=tuple(sorted(set(self.months))),
            month_days=tuple(sorted(set(self.month_days))),
            week_days=tuple(sorted(set(self.week_days))),
            start=hours * 3600 + minutes * 60 + seconds,
        )


Timings: TypeAlias = Annotated[tuple[TimingForm, ...], msgspec.Meta(max_length=50)]


class UseForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bucket may pay for, and how; what is left out leaves it free."""

    destinations: Names = ()
    categories: Names = ()
    timings: Timings = ()
    subject: Annotated[str, msgspec.Meta(max_length=64)] = ""
    factors: dict[Service, Used] = {}
    blocker: bool = False
    disabled: bool = False
    groups: Names = ()

    def use(self, name: str) -> Use | None:
        """None where nothing is restricted. Raises ParameterError."""
        factors = tuple(sorted((str(one), self._factor(name, one, units)) for one, units in self.factors.items()))
        use = Use(
            destinations=self.destinations,
            categories=self.categories,
            timings=tuple([one.timing() for one in self.timings]),
            subject=self.subject,
            factors=factors,
            blocker=self.blocker,
            disabled=self.disabled,
            groups=self.groups,
        )
        return None if use == Use() else use

    def _factor(self, name: str, service: Service, units: int | str) -> int:
        found = usage(f"{name}.factors.{service}", units, service)
        if not found:
            raise ParameterError(f"{name}.factors.{service}: above zero")
        return found


class ValidityForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An expiry policy with its `period`, or for `absolute` its `date`."""

    policy: ExpiryPolicy = ExpiryPolicy.NONE
    period: Period = ""
    date: Time = ""

    def validity(self, name: str) -> Validity:
        """Raises ParameterError."""
        periodic = self.policy in (ExpiryPolicy.FROM_TODAY, ExpiryPolicy.EXTEND_FROM_EXPIRY, ExpiryPolicy.LATER_OF)
        if periodic != bool(self.period):
            raise ParameterError(f"{name}.period: {self.policy} {'needs one' if periodic else 'has none'}")
        if (self.policy is ExpiryPolicy.ABSOLUTE) != bool(self.date):
            raise ParameterError(f"{name}.date: policy absolute has one, and no other")
        return Validity(self.policy, length(f"{name}.period", self.period), instant(f"{name}.date", self.date))


class LineForm(ValidityForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of a recharge. `amount` is in the balance type's own unit."""

    balance_type: Name
    amount: Money = "0"
    bucket: BucketId = 0
    start: Time = ""
    weight: Weight = 0
    use: UseForm | None = None
    replace: bool = False

    def line(self, desk: Desk, name: str, wallet: str) -> Line:
        """Raises ParameterError."""
        kind = desk.balance_type(self.balance_type)
        if kind is None:
            raise ParameterError(f"{name}.balance_type: {self.balance_type!r} is not configured")
        amount = steps(f"{name}.amount", self.amount, decimals_of(desk, kind.unit, kind.service, wallet))
        if amount < 0:
            raise ParameterError(f"{name}.amount: a recharge takes nothing out")
        return Line(
            balance_type=self.balance_type,
            amount=amount,
            validity=self.validity(name),
            bucket=self.bucket,
            start=instant(f"{name}.start", self.start),
            weight=self.weight,
            use=self.use.use(f"{name}.use") if self.use else None,
            replace=self.replace,
        )


Lines: TypeAlias = Annotated[tuple[LineForm, ...], msgspec.Meta(max_length=100)]


def decimals_of(desk: Desk, unit: str, service: str, wallet: str) -> int:
    """Of money as many as the wallet has, where it is of that unit; else as configured. Raises ParameterError."""
    view = desk.reading.wallet(wallet) if wallet and not service else None
    if view is not None and view.unit == unit:
        return view.decimals
    found = desk.decimals(unit)
    if found is None:
        raise ParameterError(f"unit: {unit!r} is not configured")
    return found


def length(name: str, text: str) -> Duration:
    """A period in microseconds; empty: 0. Raises ParameterError."""
    match = _PERIOD.fullmatch(text)
    if text and (match is None or not 0 < int(match[1]) * _LENGTHS[match[2]] <= LONGEST):
        raise ParameterError(f"{name}: {text!r} is no period up to a hundred years, such as 30d or 12h")
    return int(match[1]) * _LENGTHS[match[2]] if match else 0
