"""What corrections by hand must make of a wallet: done at once, or kept for a second operator until he has spoken."""

from __future__ import annotations

from dataclasses import dataclass

from tests.model.chain import Wrong
from tests.model.living.compare import refused
from tests.model.living.orders import Orders
from tests.model.living.rows import Proposal, Rows, Wallet

from tollhouse.snapshot.accounts import Category
from tollhouse.values.commands import Adjust, Approve, Decline
from tollhouse.values.instants import DAY
from tollhouse.values.outcomes import Adjustment, Outcome, Refused


@dataclass
class Hands(Orders):
    """Corrections by hand."""

    def _by_hand(
        self, command: Adjust | Approve | Decline, outcome: Outcome, before: Rows, after: Rows, now: int
    ) -> None:
        if isinstance(command, Adjust):
            asked = Proposal(
                *("api", command.key, command.wallet, command.balance_type, command.amount.value, command.operator),
                now + 7 * DAY,
            )
            if not command.amount.value:
                return refused(command, outcome, "invalid")
            if command.key in before.proposals:
                return refused(command, outcome, "conflict")
            return self._corrected(command, asked, outcome, before, after, now)
        asked = before.proposals.get(command.adjustment)
        if asked is None or asked.until <= now:
            return refused(command, outcome, "invalid")
        if isinstance(command, Approve) and command.operator == asked.operator:
            return refused(command, outcome, "invalid")
        if isinstance(command, Approve):
            return self._corrected(command, asked, outcome, before, after, now)
        if not isinstance(outcome, Adjustment) or outcome.state != "declined" or command.adjustment in after.proposals:
            raise Wrong(f"{command} was answered {outcome}")
        if asked.wallet in before.wallets:
            self.same(self.caught_up(asked.wallet, before, now), after, command)
        return None

    def _corrected(
        self, command: Adjust | Approve, asked: Proposal, outcome: Outcome, before: Rows, after: Rows, now: int
    ) -> None:
        """It moves all of its amount in the bucket that never expires, or nothing; above the threshold it waits."""
        if asked.wallet not in before.wallets:
            return refused(command, outcome, "unknown_wallet")
        if not self.all_known(asked.wallet, before, now):
            return None
        wallet = self.caught_up(asked.wallet, before, now)
        if wallet.state == "terminated":
            return refused(command, outcome, "wallet_expired")
        due = {name: wallet.worth(name) for name in self.offer.types}
        kind = self.offer.types[asked.balance_type]
        undated = [
            one
            for one in wallet.buckets
            if (one.balance_type, one.start, one.expiry, one.weight, one.use) == (kind.name, 0, 0, 0, None)
        ]
        free = sum(max(one.free(), 0) for one in undated)
        if -asked.amount > free and not (undated and kind.category is Category.EXPENDITURE):
            return refused(command, outcome, "insufficient_funds")
        room = not kind.maximum or kind.maximum_policy == "allow" or due[kind.name] + asked.amount <= kind.maximum
        if asked.amount > 0 and not room:
            return refused(command, outcome, "amount_out_of_range")
        if isinstance(outcome, Refused):
            return self._short_of_one(command, asked, outcome, undated)
        waits = isinstance(command, Adjust) and (command.proposed or self._above(asked))
        if not isinstance(outcome, Adjustment) or outcome.state != ("waiting" if waits else "done"):
            raise Wrong(f"{command} was answered {outcome}")
        if (asked.key in after.proposals) != waits:
            raise Wrong(f"{command}: waiting are {after.proposals}")
        if waits:
            if after.wallets[asked.wallet] != before.wallets[asked.wallet]:
                self.same(wallet, after, f"{command} waits")
            return None
        due[kind.name] += asked.amount
        return self._moved(command, due, wallet, after)

    def _short_of_one(self, command: object, asked: Proposal, outcome: Refused, undated: list[object]) -> None:
        """Which of several undated buckets is meant is not predicted: each alone may have too little."""
        if asked.amount > 0 or len(undated) < 2:
            raise Wrong(f"{command} was answered {outcome}")
        refused(command, outcome, "insufficient_funds")

    def _above(self, asked: Proposal) -> bool:
        threshold = self.offer.rules.adjust.adjustment_needs_approval_above
        decimals = 6 if self.offer.types[asked.balance_type].unit == "EUR" else 0
        return bool(threshold) and abs(asked.amount) > float(threshold) * 10**decimals

    def _moved(self, command: object, due: dict[str, int], wallet: Wallet, after: Rows) -> None:
        self.exact += 1
        actual = after.wallets[wallet.name]
        is_ = {name: actual.worth(name) for name in due}
        if is_ != due or actual.state != wallet.state:
            raise Wrong(f"{command}: {wallet.name} is {actual.state} with {is_}, due {wallet.state} with {due}")
