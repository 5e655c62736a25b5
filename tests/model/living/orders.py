"""What commands on wallets must make of them: charges, refunds, recharges, transfers, changes, removals.

Exact bucket by bucket, with all that was due of the wallet's life. Of recharges and transfers the value of each balance
type is exact, and of dates what their policies allow; which of several rows took the value is not predicted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tests.model.chain import MAIN, Wrong
from tests.model.living.bills import Bill
from tests.model.living.compare import Comparing, outside, refused, shares
from tests.model.living.lives import MOVES, activate, ready
from tests.model.living.rows import Rows, Wallet

from tollhouse.snapshot.rules import RechargeRules
from tollhouse.values.commands import ChangeWallet, Charge, Recharge, Refund, RemoveWallet, Transfer
from tollhouse.values.outcomes import Done, Outcome, Posted, Refused, WalletView
from tollhouse.values.recharges import Validity

NO_MONEY = ("no_funds", "credit_limit", "insufficient_funds")


@dataclass
class Part:
    """One wallet's part in a command. `was`: as it was before anything was lent to it or taken. `usage` so far, `ask`
    what is asked for beyond it, `reach` what of that is granted; `final`: its money ends there. `refusals`: why it
    cannot, empty: it can."""

    wallet: Wallet
    was: Wallet
    bill: Bill
    usage: int = 0
    ask: int = 0
    reach: int = 0
    final: bool = False
    refusals: tuple[str, ...] = ()


@dataclass
class Orders(Comparing):
    """Commands on wallets."""

    def lend(self, part: Part, before: Rows, after: Rows, now: int, why: object) -> None:
        """The bill as it is with what others have lent: it must get as far as with all that they have, and take no more
        from what the wallet shares with nobody."""
        wallet, bill = part.wallet, part.bill
        if not shares(wallet):
            return
        end = part.usage + part.ask
        rich = outside(wallet, bill.moved(bill.at)), min(bill.at, end)
        got = self.borrow(wallet, before, after, now, why)
        bill.use(part.usage)
        refresh(bill, wallet, {}, part.usage, now)
        bill.grant(end)
        own = outside(wallet, bill.moved(bill.at)), min(bill.at, end)
        if own[1] != rich[1] or any(amount > rich[0].get(place, 0) for place, amount in own[0].items()):
            raise Wrong(f"{why}: with {got} lent it gets to {own[1]} by {own[0]}; with all, to {rich[1]} by {rich[0]}")
        taken = wallet.copy()
        taken.move(bill.moved(bill.at), held=True)
        self.lacked(taken, part.was, got, why)

    def _one_shot(self, command: Charge | Refund, outcome: Outcome, before: Rows, after: Rows, now: int) -> None:
        name = command.caller.wallet
        if name not in before.wallets:
            return refused(command, outcome, "unknown_wallet")
        if not self.all_known(name, before, now):
            return None
        wallet = self.caught_up(name, before, now)
        if isinstance(command, Refund):
            due = command.amount.value
            wallet.move({MAIN: due})
            return self._posted(command, outcome, wallet, due, after)
        if barred := ready(wallet, self.offer, self.offer.rules.event.activates_preuse, now):
            return refused(command, outcome, barred)
        if command.amount is None:
            bill = self.bill(command.service, command.called, self.rich(wallet, before, now), now)
            part = Part(wallet, wallet.copy(), bill, ask=command.units)
            if bill.grant(command.units) < command.units:
                return refused(command, outcome, *NO_MONEY)
            self.lend(part, before, after, now, command)
            moves = bill.moved(command.units)
        else:
            if command.amount.value > wallet.available(now):
                return refused(command, outcome, *NO_MONEY)
            moves = _drawn(wallet, command.amount.value, now)
        units = {one.id for one in wallet.buckets if one.unit}
        due = -sum(amount for bucket, amount in moves.items() if bucket not in units)
        wallet.move({key: -one for key, one in moves.items()})
        wallet.used = max(wallet.used, now)
        if command.amount is None:
            self.count(wallet, command.service, 0, command.units, -due, now)
        return self._posted(command, outcome, wallet, due, after)

    def _posted(self, command: object, outcome: Outcome, wallet: Wallet, due: int, after: Rows) -> None:
        if not isinstance(outcome, Posted) or outcome.amount != due:
            raise Wrong(f"{command} was answered {outcome}, {due} is due")
        self.same(wallet, after, command)

    def _recharge(self, command: Recharge, outcome: Outcome, before: Rows, after: Rows, now: int) -> None:
        """Values of each balance type; refusals only where one line could not be done."""
        if command.wallet not in before.wallets:
            return refused(command, outcome, "unknown_wallet")
        wallet = self.caught_up(command.wallet, before, now)
        rules = self.offer.rules.recharge
        if wallet.state == "preuse" and (self._shut(wallet) or not rules.activates_preuse):
            return refused(command, outcome, "wallet_suspended", "invalid", "amount_out_of_range")
        if wallet.state == "terminated" and not rules.revives_terminated:
            return refused(command, outcome, "wallet_expired", "invalid", "amount_out_of_range")
        if isinstance(outcome, Refused):
            return refused(command, outcome, "invalid", "amount_out_of_range", "insufficient_funds")
        was = wallet.state
        due = {name: wallet.worth(name) for name in self.offer.types}
        for name, amount, replaces in _lines(command):
            if replaces:
                due[name] -= sum(max(one.free(), 0) for one in wallet.buckets if one.balance_type == name)
            due[name] += self._room(name, due[name], amount)
        revived = was == "terminated" and not command.extension.extends()
        if was == "preuse" and wallet.product:
            for gift in self.offer.products[wallet.product].promotions:
                due[gift.balance_type] += gift.amount
        actual = after.wallets[command.wallet]
        self.exact += 1
        is_ = {name: actual.worth(name) for name in due}
        if revived and any(one.value > one.held for one in actual.buckets):
            raise Wrong(f"{command} at {now}: {command.wallet} ended with {actual}")
        if not revived and is_ != due:
            raise Wrong(f"{command} at {now}: {command.wallet} has {is_}, due {due}")
        state = {"preuse": "active", "terminated": "terminated" if revived else "active"}.get(was, was)
        if actual.state != state:
            raise Wrong(f"{command}: {command.wallet} was {was}, is {actual.state}, due {state}")
        return self._dates(command, wallet, actual, was, now)

    def _shut(self, wallet: Wallet) -> bool:
        batch = self.offer.batches.get(wallet.batch)
        return batch is not None and not batch.active

    def _room(self, name: str, value: int, amount: int) -> int:
        kind = self.offer.types[name]
        if not kind.maximum or kind.maximum_policy == "allow" or value + amount <= kind.maximum:
            return amount
        if kind.maximum_policy == "refuse":
            raise Wrong(f"{amount} of {name} beyond its maximum was taken, {value} is there")
        return max(kind.maximum - value, 0)

    def _dates(self, command: Recharge, wallet: Wallet, actual: Wallet, was: str, now: int) -> None:
        """No date moved that the recharge did not name; never shortened but where its policy says so."""
        if was in ("preuse", "terminated"):
            return
        named = {line.balance_type for line in command.lines} | {command.balance_type}
        rules = self.offer.rules.recharge
        for one in wallet.buckets:
            new = actual.bucket(one.id)
            if new is None or new.expiry == one.expiry:
                continue
            allowed = {one.expiry}
            for line in command.lines:
                policy, period = line.validity.policy, line.validity.period
                allowed |= {_moved(policy, period, date, now, rules) for date in allowed}
            if one.balance_type not in named or new.expiry not in allowed:
                raise Wrong(f"{command} at {now}: bucket {one.id} ends {new.expiry}, before {one.expiry}: {allowed}")
        extension = command.extension
        due = wallet.expiry
        if extension.extends():
            due = extension.date if extension.policy == "absolute" else _extended(extension, wallet.expiry, now)
        if actual.expiry != due:
            raise Wrong(f"{command} at {now}: wallet ends {actual.expiry}, due {due}")

    def _transfer(self, command: Transfer, outcome: Outcome, before: Rows, after: Rows, now: int) -> None:
        if not {command.source, command.target} <= before.wallets.keys():
            return refused(command, outcome, "unknown_wallet")
        source = self.caught_up(command.source, before, now)
        target = self.caught_up(command.target, before, now)
        name, amount = command.balance_type, command.amount.value
        fit = [one for one in source.buckets if one.balance_type == name and one.usable(now)]
        free = sum(max(one.free(), 0) for one in fit)
        if source.state not in ("active", "dormant") or target.state == "terminated" or amount > free:
            return refused(command, outcome, "wallet_suspended", "wallet_expired", "insufficient_funds", "invalid")
        if target.state == "preuse" and (self._shut(target) or not self.offer.rules.recharge.activates_preuse):
            return refused(command, outcome, "wallet_suspended", "invalid")
        if source.name == target.name:
            return refused(command, outcome, "invalid")
        kind = self.offer.types[name]
        if kind.maximum and kind.maximum_policy != "allow" and target.worth(name) + amount > kind.maximum:
            return refused(command, outcome, "amount_out_of_range")
        if not isinstance(outcome, Posted) or outcome.amount != -amount:
            raise Wrong(f"{command} was answered {outcome}, -{amount} is due")
        gave, got = _dated_values(source, name), _dated_values(after.wallets[source.name], name)
        gave.subtract(got)
        had, has = _dated_values(target, name), _dated_values(after.wallets[target.name], name)
        if target.state != "preuse":
            has.subtract(had)
            self.exact += 1
            if {key: one for key, one in gave.items() if one} != {key: one for key, one in has.items() if one}:
                raise Wrong(f"{command}: {dict(gave)} went, {dict(has)} came")
        if sum(gave.values()) != amount or any(one < 0 for one in gave.values()):
            raise Wrong(f"{command}: {dict(gave)} went of {command.source}")
        if target.state == "preuse":
            expected = target.copy()
            activate(expected, self.offer, now)
            if after.wallets[target.name].worth(name) != expected.worth(name) + amount:
                raise Wrong(f"{command}: {after.wallets[target.name]} got it, due beside {expected}")
        return None

    def _change(self, command: ChangeWallet, outcome: Outcome, before: Rows, after: Rows, now: int) -> None:
        if command.wallet not in before.wallets:
            return refused(command, outcome, "unknown_wallet")
        wallet = self.caught_up(command.wallet, before, now)
        if command.state and command.state != wallet.state:
            if wallet.state not in MOVES[command.state]:
                return refused(command, outcome, "invalid")
            wallet.state, wallet.entered = command.state, now
        if not isinstance(outcome, WalletView):
            raise Wrong(f"{command} was answered {outcome}")
        wallet.credit_limit = wallet.credit_limit if command.credit_limit is None else command.credit_limit
        wallet.expiry = wallet.expiry if command.expiry is None else command.expiry
        return self.same(wallet, after, command)

    def _remove(self, command: RemoveWallet, outcome: Outcome, before: Rows, after: Rows, now: int) -> None:
        if command.wallet not in before.wallets:
            return refused(command, outcome, "unknown_wallet")
        self.exact += 1
        if before.open_of(command.wallet):
            refused(command, outcome, "invalid")
        elif outcome != Done(1) or command.wallet in after.wallets:
            raise Wrong(f"{command} was answered {outcome}")
        return None


def refresh(bill: Bill, wallet: Wallet, lines: dict[int, int], charged: int, now: int) -> None:
    """What is free to the session now: all that others do not hold, less what its own increments will still take."""
    bill.wallet, bill.now = wallet, now
    unposted = Counter(bill.moved(2**62))
    unposted.subtract(bill.moved(charged))
    gone = dict.fromkeys(bill.values, 0)
    free = {one.id: one.free() + lines.get(one.id, 0) - unposted.get(one.id, 0) for one in wallet.buckets}
    bill.values = gone | free


def _drawn(wallet: Wallet, amount: int, now: int) -> dict[int, int]:
    """An amount from the free money that pays for everything, in its order; the credit limit last."""
    moves: dict[int, int] = {}
    for one in wallet.buckets:
        if not one.unit and one.use is None and one.usable(now):
            moves[one.id] = part = min(max(one.free(), 0), amount)
            amount -= part
    moves[MAIN] = moves.get(MAIN, 0) + amount
    return moves


def _lines(command: Recharge) -> list[tuple[str, int, bool]]:
    own = [(command.balance_type, command.amount.value, command.reset)] if command.amount.value else []
    return own + [(line.balance_type, line.amount, line.replace) for line in command.lines]


def _moved(policy: str, period: int, old: int, now: int, rules: RechargeRules) -> int:
    """What a policy makes of a bucket's date (5.6, cases 88 and 89)."""
    if policy == "from_today":
        if not old:
            return now + period if rules.today_dates_undated_bucket else 0
        return now + period if rules.today_shortens_bucket else max(old, now + period)
    if not old:
        return 0
    if policy == "extend_from_expiry":
        return max(old, now) + period
    return max(old, now + period) if policy == "later_of" else old


def _extended(extension: Validity, old: int, now: int) -> int:
    policy, period = extension.policy, extension.period
    if not old:
        return 0
    return max(old, now) + period if policy == "extend_from_expiry" else max(old, now + period)


def _dated_values(wallet: Wallet, name: str) -> Counter[tuple[int, int, int, object]]:
    sums: Counter[tuple[int, int, int, object]] = Counter()
    for one in wallet.buckets:
        if one.balance_type == name:
            sums[one.start, one.expiry, one.weight, one.use] += one.value
    return sums
