"""wallet.recharge, wallet.transfer: money and units into wallets, and from one into another."""

from __future__ import annotations

from typing import Literal

from tollhouse.console import views
from tollhouse.console.desk import CLIENT, Desk, Json, ParameterError, counted, instant
from tollhouse.console.forms import Lines, Period, UseForm, ValidityForm
from tollhouse.console.params import Asking, Key, MaybeName, Money, Name, Note, Time, WalletName, Weight
from tollhouse.values.commands import Command, Recharge, Service, Transfer
from tollhouse.values.instants import Instant
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Outcome, Posted
from tollhouse.values.recharges import ExpiryPolicy, Line, Validity


class WalletRecharge(Asking, frozen=True, kw_only=True):
    """Money or units into a bucket of this balance type; with `lines`, into others besides: all of it, or nothing."""

    wallet: WalletName
    request_id: Key
    amount: Money = "0"
    unit: MaybeName = ""
    balance_type: Name = "cash"
    start: Time = ""
    expiry: Time = ""
    policy: Literal["", "from_today", "extend_from_expiry", "later_of", "keep"] = ""
    period: Period = ""
    weight: Weight = 0
    use: UseForm | None = None
    reset: bool = False
    lines: Lines = ()
    extension: ValidityForm | None = None
    note: Note = ""

    def command(self, desk: Desk) -> Command:
        amount = counted(desk, "amount", self.amount, self.unit, self.balance_type, self.wallet)
        start, expiry = instant("start", self.start), instant("expiry", self.expiry)
        use = self.use.use("use") if self.use else None
        lines = tuple([one.line(desk, f"lines[{at}]", self.wallet) for at, one in enumerate(self.lines)])
        if self.policy or self.period:
            validity = self._validity(expiry)
            own = Line(self.balance_type, amount.value, validity, 0, start, self.weight, use, self.reset)
            amount, lines = Amount(0, amount.unit), (own, *lines)
        return Recharge(
            client=CLIENT,
            wallet=self.wallet,
            key=self.request_id,
            amount=amount,
            balance_type=self.balance_type,
            start=start,
            expiry=expiry,
            weight=self.weight,
            reset=self.reset,
            note=self.note,
            deadline=desk.deadline(),
            use=use,
            lines=lines,
            extension=self.extension.validity("extension") if self.extension else Validity(),
        )

    def _validity(self, expiry: Instant) -> Validity:
        """Of the request's own line. Raises ParameterError."""
        if expiry:
            raise ParameterError("policy: an expiry is absolute, and has none")
        form = ValidityForm(policy=ExpiryPolicy(self.policy or "none"), period=self.period)
        return form.validity("policy")

    def shown(self, outcome: Outcome, service: Service) -> Json:
        return views.recharged(outcome) if isinstance(outcome, Posted) else views.shown(outcome, service)


class WalletTransfer(Asking, frozen=True, kw_only=True):
    """Free money or units of one balance type from one wallet to another: all of it, or nothing."""

    wallet_names = ("wallet", "to")

    wallet: WalletName
    to: WalletName
    amount: Money
    request_id: Key
    unit: MaybeName = ""
    balance_type: Name = "cash"
    note: Note = ""

    def command(self, desk: Desk) -> Command:
        return Transfer(
            client=CLIENT,
            source=self.wallet,
            target=self.to,
            key=self.request_id,
            amount=counted(desk, "amount", self.amount, self.unit, self.balance_type, self.wallet),
            balance_type=self.balance_type,
            note=self.note,
            deadline=desk.deadline(),
        )
