"""wallet.adjust and what becomes of it: corrections by hand, each with its operator, and a second one above a bound."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from tollhouse.console import views
from tollhouse.console.desk import CLIENT, Desk, counted
from tollhouse.console.params import (
    Answer,
    Asking,
    Count,
    Key,
    MaybeKey,
    MaybeName,
    Money,
    Name,
    Note,
    Page,
    Params,
    WalletName,
)
from tollhouse.values.commands import Adjust, Approve, Command, Decline

Operator: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\s=\x00-\x1f\x7f]*\Z")]
Reason: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


class WalletAdjust(Asking, frozen=True, kw_only=True):
    """Money or units in (above zero) or out (below), by an operator, for a reason."""

    wallet: WalletName
    amount: Money
    operator: Operator
    reason: Reason
    request_id: Key
    unit: MaybeName = ""
    balance_type: Name = "cash"
    bucket: Count = 0
    propose: bool = False

    def command(self, desk: Desk) -> Command:
        return Adjust(
            client=CLIENT,
            wallet=self.wallet,
            key=self.request_id,
            amount=counted(desk, "amount", self.amount, self.unit, self.balance_type, self.wallet),
            operator=self.operator,
            reason=self.reason,
            balance_type=self.balance_type,
            bucket=self.bucket,
            proposed=self.propose,
            deadline=desk.deadline(),
        )


class WalletApprove(Asking, frozen=True, kw_only=True):
    """Another operator agrees to an adjustment that waits: it is done."""

    adjustment: Key
    operator: Operator
    request_id: Key

    def command(self, desk: Desk) -> Command:
        return Approve(
            client=CLIENT,
            adjustment=self.adjustment,
            key=self.request_id,
            operator=self.operator,
            deadline=desk.deadline(),
        )


class WalletDecline(Asking, frozen=True, kw_only=True):
    """An adjustment that waits is not to be done."""

    adjustment: Key
    operator: Operator
    request_id: Key
    reason: Note = ""

    def command(self, desk: Desk) -> Command:
        return Decline(
            client=CLIENT,
            adjustment=self.adjustment,
            key=self.request_id,
            operator=self.operator,
            reason=self.reason,
            deadline=desk.deadline(),
        )


class WalletAdjustments(Params, frozen=True, kw_only=True):
    """What waits for a second operator, by id, a page at a time."""

    after: MaybeKey = ""
    limit: Page = 100

    def run(self, desk: Desk, answer: Answer) -> None:
        seen = desk.reading.adjustments(self.after, self.limit)
        following = seen[-1].key if len(seen) == self.limit else None
        answer({"adjustments": [views.adjustment(one) for one in seen], "next": following})
