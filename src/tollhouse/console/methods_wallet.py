"""wallet.*, record.*: who pays, with how much, and what moved."""

from __future__ import annotations

from tollhouse.console import views
from tollhouse.console.desk import CLIENT, DEFAULT_UNIT, Desk, ParameterError, amount, instant
from tollhouse.console.params import (
    Answer,
    Asking,
    Count,
    Key,
    MaybeName,
    MaybeWallet,
    Money,
    Name,
    Note,
    Page,
    Params,
    Time,
    Token,
    WalletName,
    Weight,
)
from tollhouse.console.reading import RecordsWish, TokenError
from tollhouse.values.commands import ChangeWallet, Command, CreateWallet, Inspect, Recharge
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal


class WalletCreate(Asking, frozen=True, kw_only=True):
    """A new wallet with opening money and a credit limit."""

    wallet: WalletName
    request_id: Key
    unit: Name = DEFAULT_UNIT
    opening: Money = "0"
    credit_limit: Money = "0"
    tenant: MaybeName = ""

    def command(self, desk: Desk) -> Command:
        return CreateWallet(
            client=CLIENT,
            wallet=self.wallet,
            key=self.request_id,
            unit=self.unit,
            opening=amount(desk, "opening", self.opening, self.unit).value,
            credit_limit=amount(desk, "credit_limit", self.credit_limit, self.unit).value,
            tenant=self.tenant,
            deadline=desk.deadline(),
        )


class WalletGet(Asking, frozen=True, kw_only=True):
    """A wallet as it stands."""

    wallet: WalletName

    def command(self, desk: Desk) -> Command:
        return Inspect(client=CLIENT, wallet=self.wallet, deadline=desk.deadline())


class WalletList(Params, frozen=True, kw_only=True):
    """Wallets by name, a page at a time."""

    wallet_names = ("after",)

    after: MaybeWallet = ""
    limit: Page = 100

    def run(self, desk: Desk, answer: Answer) -> None:
        seen = desk.reading.wallets(self.after, self.limit)
        following = seen[-1].wallet if len(seen) == self.limit else None
        answer({"wallets": [views.wallet(view) for view in seen], "next": following})


class WalletRecharge(Asking, frozen=True, kw_only=True):
    """Money into the bucket of this balance type, start and expiry."""

    wallet: WalletName
    amount: Money
    request_id: Key
    unit: MaybeName = ""
    balance_type: Name = "cash"
    start: Time = ""
    expiry: Time = ""
    weight: Weight = 0
    reset: bool = False
    note: Note = ""

    def command(self, desk: Desk) -> Command:
        return Recharge(
            client=CLIENT,
            wallet=self.wallet,
            key=self.request_id,
            amount=amount(desk, "amount", self.amount, self.unit, self.wallet),
            balance_type=self.balance_type,
            start=instant("start", self.start),
            expiry=instant("expiry", self.expiry),
            weight=self.weight,
            reset=self.reset,
            note=self.note,
            deadline=desk.deadline(),
        )


class WalletChange(Asking, frozen=True, kw_only=True):
    """Credit limit (in the wallet's own unit), state (active, suspended), expiry; what is not given stays."""

    wallet: WalletName
    request_id: Key
    credit_limit: Money | None = None
    state: str | None = None
    expiry: Time | None = None

    def command(self, desk: Desk) -> Command:
        if self.state not in (None, "active", "suspended"):
            raise ParameterError("state: active and suspended are allowed")
        limit = None
        if self.credit_limit is not None:
            limit = amount(desk, "credit_limit", self.credit_limit, "", self.wallet).value
        return ChangeWallet(
            client=CLIENT,
            wallet=self.wallet,
            key=self.request_id,
            credit_limit=limit,
            state=self.state,
            expiry=None if self.expiry is None else instant("expiry", self.expiry),
            deadline=desk.deadline(),
        )


class WalletRelease(Asking, frozen=True, kw_only=True):
    """Ends a wallet's quarantine."""

    wallet: WalletName
    request_id: Key

    def command(self, desk: Desk) -> Command:
        return ChangeWallet(
            client=CLIENT, wallet=self.wallet, key=self.request_id, state="active", deadline=desk.deadline()
        )


class RecordList(Params, frozen=True, kw_only=True):
    """A wallet's records in their order, a page at a time."""

    wallet: WalletName
    after: Count = 0
    limit: Page = 100

    def run(self, desk: Desk, answer: Answer) -> None:
        seen = desk.reading.records(self.wallet, self.after, self.limit)
        following = seen[-1]["sequence"] if len(seen) == self.limit else None
        answer({"records": seen, "next": following})


class WalletTrace(Params, frozen=True, kw_only=True):
    """A wallet's journal with what every bucket held behind each record, up to a time, a page at a time."""

    wallet: WalletName
    at: Time = ""
    after: Token = ""
    limit: Page = 100

    def run(self, desk: Desk, answer: Answer) -> None:
        at = instant("at", self.at)
        try:
            page = desk.reading.trace(self.wallet, at, self.after, self.limit)
        except TokenError:
            raise ParameterError("after: not what a page said as its next") from None
        answer(Refused(Refusal.UNKNOWN_WALLET, self.wallet) if page is None else page)


class RecordExport(Params, frozen=True, kw_only=True):
    """Records of a time as lines of CSV, by wallet and sequence, in pages; one that is not the last may be empty."""

    wallet: MaybeWallet = ""
    since: Time = ""
    until: Time = ""
    after: Token = ""
    limit: Page = 100

    def run(self, desk: Desk, answer: Answer) -> None:
        since, until = instant("since", self.since), instant("until", self.until)
        try:
            page = desk.reading.export(RecordsWish(self.wallet, since, until, self.after, self.limit))
        except TokenError:
            raise ParameterError("after: not what a page said as its next") from None
        answer({"heading": page.heading, "text": page.text, "next": page.next or None})
