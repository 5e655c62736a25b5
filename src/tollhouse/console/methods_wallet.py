"""wallet.*: who pays, and how he stands."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec

from tollhouse.console import views
from tollhouse.console.desk import CLIENT, DEFAULT_UNIT, Desk, ParameterError, amount, instant
from tollhouse.console.forms import Names
from tollhouse.console.params import (
    Answer,
    Asking,
    Key,
    MaybeKey,
    MaybeName,
    MaybeWallet,
    Money,
    Name,
    Note,
    Page,
    Params,
    Time,
    WalletName,
)
from tollhouse.values.commands import ChangeWallet, Command, CreateWallet, Inspect, RemoveWallet
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal

Sessions: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
STATES: Final = ("active", "suspended", "frozen", "terminated")
"""Where an operator may move a wallet."""


class WalletCreate(Asking, frozen=True, kw_only=True):
    """A new wallet with opening money and a credit limit; of a product, it waits for its first use."""

    wallet: WalletName
    request_id: Key
    unit: Name = DEFAULT_UNIT
    opening: Money = "0"
    credit_limit: Money = "0"
    tenant: MaybeName = ""
    product: MaybeName = ""
    batch: MaybeName = ""
    max_sessions: Sessions = 0
    balance_types: Names = ()
    other_products: Names = ()

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
            product=self.product,
            batch=self.batch,
            max_sessions=self.max_sessions,
            balance_types=self.balance_types,
            other_products=self.other_products,
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


class WalletReservations(Params, frozen=True, kw_only=True):
    """The sessions for which a wallet holds something now, a page at a time."""

    wallet: WalletName
    after: MaybeKey = ""
    limit: Page | None = None

    def run(self, desk: Desk, answer: Answer) -> None:
        found = desk.reading.reservations(self.wallet, self.after, self.limit or 0)
        if found is None:
            answer(Refused(Refusal.UNKNOWN_WALLET, self.wallet))
            return
        seen, more = found
        following = seen[-1].session if more else None
        answer({"reservations": [views.session(view) for view in seen], "next": following})


class WalletChange(Asking, frozen=True, kw_only=True):
    """Credit limit (in the wallet's own unit), state, expiry, sessions at a time, products of other accounts that share
    it; what is not given stays."""

    wallet: WalletName
    request_id: Key
    credit_limit: Money | None = None
    state: str | None = None
    expiry: Time | None = None
    max_sessions: Sessions | None = None
    other_products: Names | None = None
    note: Note = ""

    def command(self, desk: Desk) -> Command:
        if self.state not in (None, *STATES):
            raise ParameterError(f"state: {', '.join(STATES)} are allowed")
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
            max_sessions=self.max_sessions,
            note=self.note,
            other_products=self.other_products,
        )


class WalletRelease(Asking, frozen=True, kw_only=True):
    """Ends a wallet's quarantine."""

    wallet: WalletName
    request_id: Key

    def command(self, desk: Desk) -> Command:
        return ChangeWallet(
            client=CLIENT, wallet=self.wallet, key=self.request_id, state="active", deadline=desk.deadline()
        )


class WalletRemove(Asking, frozen=True, kw_only=True):
    """Takes a wallet out of service for good; what it holds is written off."""

    wallet: WalletName
    request_id: Key
    note: Note = ""

    def command(self, desk: Desk) -> Command:
        return RemoveWallet(
            client=CLIENT, wallet=self.wallet, key=self.request_id, note=self.note, deadline=desk.deadline()
        )
