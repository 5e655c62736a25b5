"""wallet.trace, wallet.ended, record.*: what moved, and who is gone."""

from __future__ import annotations

from typing import Literal

from tollhouse.console.desk import Desk, ParameterError, instant
from tollhouse.console.params import Answer, Count, MaybeWallet, Page, Params, Time, Token, WalletName
from tollhouse.console.reading import NotServedError, RecordsWish, TokenError
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal


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


class WalletEnded(Params, frozen=True, kw_only=True):
    """Wallets that were terminated or removed in a time, a page at a time; one that is not the last may be empty."""

    since: Time = ""
    until: Time = ""
    after: Token = ""
    limit: Page = 100

    def run(self, desk: Desk, answer: Answer) -> None:
        since, until = instant("since", self.since), instant("until", self.until)
        try:
            rows, following = desk.reading.ended(since, until, self.after, self.limit)
        except TokenError:
            raise ParameterError("after: not what a page said as its next") from None
        answer({"ended": rows, "next": following or None})


class RecordExport(Params, frozen=True, kw_only=True):
    """Records of a time as lines, by wallet and sequence, in pages; one that is not the last may be empty."""

    wallet: MaybeWallet = ""
    since: Time = ""
    until: Time = ""
    after: Token = ""
    limit: Page = 100
    form: Literal["csv", "text"] = "csv"

    def run(self, desk: Desk, answer: Answer) -> None:
        since, until = instant("since", self.since), instant("until", self.until)
        try:
            page = desk.reading.export(RecordsWish(self.wallet, since, until, self.after, self.limit, self.form))
        except TokenError:
            raise ParameterError("after: not what a page said as its next") from None
        except NotServedError as error:
            answer(Refused(Refusal.UNSUPPORTED, str(error)))
            return
        answer({"heading": page.heading, "text": page.text, "next": page.next or None})
