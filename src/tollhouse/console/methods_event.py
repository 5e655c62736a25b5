"""event.*: one-shot movements, and named events: at once, or reserved until they have taken place."""

from __future__ import annotations

from tollhouse.console.desk import CLIENT, Desk, ParameterError, amount, instant, percent, usage
from tollhouse.console.params import (
    Asking,
    Count,
    Key,
    MaybeKey,
    MaybeName,
    Money,
    Name,
    Note,
    Number,
    Percent,
    Time,
    Used,
    WalletName,
)
from tollhouse.values.commands import Authorize, Caller, Charge, Command, EventName, Refund, Service


class EventCharge(Asking, frozen=True, kw_only=True):
    """One-shot debit: `amount`, or the price of `count` named events, or of `usage` of a service to `destination`."""

    wallet: WalletName
    request_id: Key
    amount: Money | None = None
    unit: MaybeName = ""
    destination: Number = ""
    usage: Used = 1
    tor: Service = Service.MESSAGE
    answer_time: Time = ""
    note: Note = ""
    event_class: MaybeName = ""
    event: MaybeName = ""
    count: Count = 1
    promotional: bool = False
    discount: Percent = ""

    def command(self, desk: Desk) -> Command:
        if bool(self.event_class) != bool(self.event):
            raise ParameterError("event: its class and its name belong together")
        if self.amount is None and not (self.destination or self.event):
            raise ParameterError("amount: give it, or an event or a destination that has a price")
        named = EventName(self.event_class, self.event, self.promotional) if self.event else None
        fixed = None if self.amount is None else amount(desk, "amount", self.amount, self.unit, self.wallet)
        return Charge(
            caller=Caller(client=CLIENT, wallet=self.wallet),
            key=self.request_id,
            amount=fixed,
            service=self.tor if named is None else Service.GENERIC,
            called=self.destination,
            units=usage("usage", self.usage, self.tor) if named is None else self.count,
            at=instant("answer_time", self.answer_time),
            note=self.note,
            deadline=desk.deadline(),
            event=named,
            discount=percent("discount", self.discount),
        )


class EventReserve(Asking, frozen=True, kw_only=True):
    """Hold the price of `count` of a named event, all or none, until they have taken place or not: `session.stop` with
    how many did, or `session.release`. `session_id` is the client's own name for the reservation."""

    wallet: WalletName
    request_id: Key
    event_class: Name
    event: Name
    count: Count = 1
    promotional: bool = False
    discount: Percent = ""
    session_id: MaybeKey = ""

    def service(self, desk: Desk) -> Service:
        return Service.GENERIC

    def command(self, desk: Desk) -> Command:
        named = EventName(self.event_class, self.event, self.promotional)
        return Authorize(
            caller=Caller(client=CLIENT, wallet=self.wallet),
            key=self.request_id,
            session_keys=(f"api:{self.session_id or self.request_id}",),
            service=Service.GENERIC,
            called=str(named),
            ask=self.count,
            deadline=desk.deadline(),
            discount=percent("discount", self.discount),
            event=named,
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
