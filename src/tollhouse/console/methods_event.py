"""event.*: one-shot movements."""

from __future__ import annotations

from tollhouse.console.desk import CLIENT, Desk, ParameterError, amount, instant, usage
from tollhouse.console.params import Asking, Key, MaybeName, Money, Note, Number, Time, Used, WalletName
from tollhouse.values.commands import Caller, Charge, Command, Refund, Service


class EventCharge(Asking, frozen=True, kw_only=True):
    """One-shot debit: `amount`, or the price of `usage` of a service to `destination` where no amount is given."""

    wallet: WalletName
    request_id: Key
    amount: Money | None = None
    unit: MaybeName = ""
    destination: Number = ""
    usage: Used = 1
    tor: Service = Service.MESSAGE
    answer_time: Time = ""
    note: Note = ""

    def command(self, desk: Desk) -> Command:
        if self.amount is None and not self.destination:
            raise ParameterError("amount: give it, or a destination that has a price")
        fixed = None if self.amount is None else amount(desk, "amount", self.amount, self.unit, self.wallet)
        return Charge(
            caller=Caller(client=CLIENT, wallet=self.wallet),
            key=self.request_id,
            amount=fixed,
            service=self.tor,
            called=self.destination,
            units=usage("usage", self.usage, self.tor),
            at=instant("answer_time", self.answer_time),
            note=self.note,
            deadline=desk.deadline(),
        )


class EventRefund(Asking, frozen=True, kw_only=True):
    """One-shot credit to the wallet's own money."""

    wallet: WalletName
    amount: Money
    request_id: Key
    unit: MaybeName = ""
    note: Note = ""

    def command(self, desk: Desk) -> Command:
        return Refund(
            caller=Caller(client=CLIENT, wallet=self.wallet),
            key=self.request_id,
            amount=amount(desk, "amount", self.amount, self.unit, self.wallet),
            note=self.note,
            deadline=desk.deadline(),
        )
