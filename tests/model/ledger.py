"""The auditor: a slow, independent ledger that is told every command and every answer, and knows what both must be.

It shares no code with the product's wallets, rating or engine: money is counted by `tariff.py`, records are read as
plain MessagePack arrays. An answer that contradicts it raises `Wrong`. Where a crash has swallowed an answer it
does not know whether the command was decided (a doubt): until the client has asked again it checks bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.model.chain import Wrong, read_chain
from tests.model.rules import Rules
from tests.model.tariff import Steps

from tollhouse.values.commands import (
    Authorize,
    Charge,
    CloseClient,
    Command,
    CreateWallet,
    Inspect,
    Recharge,
    Refund,
    Release,
    Service,
    Start,
    Stop,
    Sweep,
    Total,
    Update,
    Wish,
)
from tollhouse.values.outcomes import Granted, Outcome, Posted, Refused, Settled, WalletView
from tollhouse.values.refusals import NEVER_STORED, Refusal


def logical(key: str) -> str:
    """What a client sends again under another request key is the same thing to him: `17:stop#3` is `17:stop`."""
    return key.partition("#")[0]


@dataclass
class Session:
    """One session as the engine must see it. `until`: when it counts as abandoned; `vague`: that is not known."""

    id: str
    call: str
    wallet: str
    client: str
    service: Service
    steps: Steps
    began: int = 0
    state: str = "authorised"
    used: int = 0
    granted: int = 0
    posted: int = 0
    held: int = 0
    until: int = 0
    vague: bool = False
    shortest: bool = False


@dataclass
class Account:
    """One wallet: money that came and went, and whatever is in doubt. `loose`: has money that expires."""

    limit: int
    put_in: int = 0
    charged: int = 0
    expiring: int = 0
    expiries: dict[str, int] = field(default_factory=dict)
    doubts: dict[str, int] = field(default_factory=dict)
    overrun: bool = False

    def balance(self) -> int:
        return self.put_in - self.charged


class Ledger:
    """`saw` is called with each answer in the order of the decisions; `lost` with what a crash left unanswered."""

    def __init__(self, rules: Rules, tariffs: Mapping[tuple[Service, str], Steps]) -> None:
        self.rules = rules
        self.tariffs = tariffs
        self.accounts: dict[str, Account] = {}
        self.sessions: dict[str, Session] = {}
        self.said: dict[tuple[str, str], tuple[Command, Outcome]] = {}
        self.lost_keys: set[tuple[str, str]] = set()
        self.stopped: dict[str, Outcome] = {}
        self.exact_checks = 0

    def lost(self, command: Command) -> None:
        """A crash came between the command and its answer. A repeat of what was answered before moves nothing."""
        if isinstance(command, Inspect):
            return
        key = getattr(command, "key", "")
        if not isinstance(command, Sweep):
            self.lost_keys.add((client_of(command), key))
        if any(logical(said) == logical(key) for _, said in self.said):
            return
        for name in [wallet_of(command)] if wallet_of(command) else list(self.accounts):
            if key and name in self.accounts:
                credit = command.amount.value if isinstance(command, (Recharge, Refund)) else 0
                self.accounts[name].doubts[logical(key)] = credit

    def saw(self, command: Command, outcome: Outcome, now: int) -> None:
        """The engine answered."""
        if isinstance(command, Sweep):
            return self._swept(command, now)
        if isinstance(command, Inspect):
            return self._inspected(command, outcome, now)
        if isinstance(outcome, Refused) and outcome.refusal in NEVER_STORED:
            raise Wrong(f"nothing gives a reason for {outcome.refusal}: {command}")
        key = getattr(command, "key", "")
        doubtful = self._settle_doubt(logical(key), wallet_of(command))
        doubtful |= (client_of(command), key) in self.lost_keys
        if self._repeated(command, outcome, now):
            return None
        match command:
            case CreateWallet():
                self._created(command, outcome)
            case Recharge() | Refund() | Charge():
                self._one_shot(command, outcome, now)
            case CloseClient():
                self._close_client(command, doubtful)
            case Authorize() | Start() | Update():
                self._grant(command, outcome, now, doubtful)
            case Stop() | Release():
                self._end(command, outcome, now, doubtful)
        return None

    def _settle_doubt(self, key: str, wallet: str) -> bool:
        names = [wallet] if wallet else list(self.accounts)
        found = [self.accounts[name].doubts.pop(key, None) for name in names if name in self.accounts]
        return any(one is not None for one in found)

    def _repeated(self, command: Command, outcome: Outcome, now: int) -> bool:
        """Whether this is an answer to what was answered before, under the same key; then it must be the same."""
        name = (client_of(command), getattr(command, "key", ""))
        if name not in self.said:
            undone = isinstance(command, Authorize) and isinstance(outcome, Refused)
            if not undone:
                self.said[name] = (command, outcome)
            return False
        asked, before = self.said[name]
        if isinstance(command, (Recharge, Refund, Charge, CreateWallet)) and command != asked:
            if isinstance(outcome, Refused) and outcome.refusal is Refusal.CONFLICT:
                return True
            raise Wrong(f"{command} under the key of {asked} was answered {outcome}")
        if outcome == before:
            return True
        opens = isinstance(command, (Authorize, Start))
        if (opens or isinstance(command, Update)) and not self._surely_open(getattr(before, "session", ""), now):
            if isinstance(outcome, Refused) and outcome.refusal is Refusal.SESSION_CLOSED:
                return True
            if opens:
                return False
        raise Wrong(f"a repeat of {command} was answered {outcome}, before {before}")

    def _surely_open(self, name: str, now: int) -> bool:
        session = self.sessions.get(name)
        if session is None or session.vague or session.state == "closed" or session.until <= now:
            return False
        doubts = self.accounts[session.wallet].doubts
        return not any(key.startswith((f"{session.call}:", "close")) for key in doubts)

    def finished(self) -> list[Command]:
        """What ended or moved something at once and was answered: asked for again it is answered alike."""
        ends = (Stop, Release, Recharge, Refund, Charge, CreateWallet)
        return [command for command, _ in self.said.values() if isinstance(command, ends)]

    # Money of a wallet

    def exact(self, name: str, now: int) -> bool:
        """Whether every movement on the wallet is known, so that amounts must agree to the last digit."""
        return self._sure(name) and not any(one.until <= now for one in self.open_sessions(name))

    def _sure(self, name: str) -> bool:
        """Whether all is known but for one thing: which of the sessions past their end have been ended by now."""
        account = self.accounts[name]
        return not (account.doubts or account.expiring or any(one.vague for one in self.open_sessions(name)))

    def payable(self, name: str, now: int, without: Session | None = None) -> int:
        """What may be held where it matters and `_sure` holds: whatever is past its end has ended, swept or not."""
        account = self.accounts[name]
        gone = 0
        for one in self.open_sessions(name):
            if one is not without:
                gone += self._silent_cost(one) - one.posted if one.until <= now else one.held
        return max(0, account.balance() + account.limit - gone)

    def free(self, name: str, now: int, without: Session | None = None) -> int:
        """What may be held at most: exact where nothing is in doubt, else from above."""
        account = self.accounts[name]
        sure = self.exact(name, now)
        held = back = 0
        for one in self.open_sessions(name):
            in_doubt = any(key.startswith((f"{one.call}:", "close")) for key in account.doubts)
            if sure or not (in_doubt or one.vague or one.until <= now):
                held += one.held if one is not without else 0
            elif self.rules.on_silence == "nothing":
                back += one.posted
        return max(0, account.balance() + account.limit - held + back + sum(account.doubts.values()))

    def open_sessions(self, name: str) -> list[Session]:
        """The wallet's sessions that may still hold money."""
        return [one for one in self.sessions.values() if one.wallet == name and one.state != "closed"]

    def _post(self, session: Session, whole: int) -> None:
        self.accounts[session.wallet].charged += whole - session.posted
        session.posted = whole

    def _balance(self, said: int, name: str, now: int, why: str) -> None:
        free = self.free(name, now)
        if self.exact(name, now):
            self.exact_checks += 1
            if said != free:
                raise Wrong(f"{why}: {said} is said to be free in wallet {name}, it is {free}")
        elif said > free and not self.accounts[name].overrun:
            raise Wrong(f"{why}: {said} is said to be free in wallet {name}, it is {free} at most")

    # Answers

    def _inspected(self, command: Inspect, outcome: Outcome, now: int) -> None:
        """A look at a wallet: what is left and what is held, to the last digit where all is known."""
        if not isinstance(outcome, WalletView) or outcome.wallet != command.wallet:
            raise Wrong(f"{command} was answered {outcome}")
        account = self.accounts[command.wallet]
        self._balance(outcome.available, command.wallet, now, f"a look at {command.wallet}")
        if self.exact(command.wallet, now):
            held = sum(session.held for session in self.open_sessions(command.wallet))
            if (outcome.balance, outcome.held) != (account.balance(), held):
                raise Wrong(f"{outcome} while {account.balance()} is due, {held} of it held")

    def _split(self, account: Account) -> bool:
        """Whether one bucket may be in debt while another still pays: then the sum says nothing about what is free."""
        return bool(account.expiring) and account.overrun

    def _created(self, command: CreateWallet, outcome: Outcome) -> None:
        if isinstance(outcome, WalletView):
            self.accounts[command.wallet] = Account(command.credit_limit, command.opening)
        elif outcome != Refused(Refusal.WALLET_EXISTS, command.wallet):
            raise Wrong(f"{command} was answered {outcome}")

    def _one_shot(self, command: Recharge | Refund | Charge, outcome: Outcome, now: int) -> None:
        account = self.accounts[wallet_of(command)]
        if isinstance(command, Charge):
            amount = command.amount.value if command.amount else self._steps(command).cost(command.units)
            free = self.free(wallet_of(command), now)
            if isinstance(outcome, Posted):
                if outcome.amount != -amount or (amount > free and not self._split(account)):
                    raise Wrong(f"{outcome.amount} was charged for {amount}, {free} was free at most")
                account.charged += amount
                return
            payable = self.payable(wallet_of(command), now)
            if self._no_funds(outcome) and self._sure(wallet_of(command)) and amount <= payable:
                raise Wrong(f"{amount} was refused with {outcome}, {payable} is free")
            return
        late = isinstance(command, Recharge) and 0 < command.expiry <= now
        if late and isinstance(outcome, Refused) and outcome.refusal is Refusal.INVALID:
            return
        if not isinstance(outcome, Posted) or outcome.amount != command.amount.value:
            raise Wrong(f"{command} was answered {outcome}")
        account.put_in += outcome.amount
        if isinstance(command, Recharge):
            account.expiries[command.key] = command.expiry
            account.expiring += outcome.amount if command.expiry else 0

    def _no_funds(self, outcome: Outcome) -> bool:
        if isinstance(outcome, Refused) and outcome.refusal in (
            Refusal.NO_FUNDS,
            Refusal.CREDIT_LIMIT,
            Refusal.INSUFFICIENT_FUNDS,
        ):
            return True
        raise Wrong(f"no reason for {outcome}")

    def _steps(self, command: Authorize | Start | Update | Stop | Charge) -> Steps:
        return self.tariffs[command.service, command.called]

    def _session(self, name: str, command: Authorize | Start | Update | Stop, now: int) -> Session:
        """The session that an answer names; a new one is opened at the client's time of the event."""
        session = self.sessions.get(name)
        if session is None:
            call = logical(command.key).partition(":")[0]
            session = Session(
                name, call, wallet_of(command), command.caller.client, command.service, self._steps(command)
            )
            session.began = command.at or now
            self.sessions[name] = session
        if session.wallet != wallet_of(command):
            raise Wrong(f"session {name} of wallet {session.wallet} answers {command}")
        return session

    def _grant(self, command: Authorize | Start | Update, outcome: Outcome, now: int, doubtful: bool) -> None:
        if isinstance(outcome, Refused):
            return self._not_granted(command, outcome, now)
        if not isinstance(outcome, Granted):
            raise Wrong(f"{command} was answered {outcome}")
        fresh = outcome.session not in self.sessions
        session = self._session(outcome.session, command, now)
        if session.state == "closed":
            return None
        if isinstance(command, Authorize):
            if not fresh and session.state == "authorised" and not command.begin:
                return None
            self._hold(command, outcome, session, now, doubtful)
        elif isinstance(command, Start):
            if fresh:
                self._hold(command, outcome, session, now, doubtful)
            elif session.state == "authorised":
                session.state = "started"
                session.began = command.at or now
                session.until = self._silent_at(session, now)
                session.vague |= doubtful
            else:
                del self.said[client_of(command), command.key]  # it has begun: no more than a look, as things stand
        else:
            self._report(command, session, now)
            if outcome.cost != session.posted:
                raise Wrong(f"{outcome.cost} was posted for {session.used}, it costs {session.posted}")
            if command.more is not None:
                self._hold(command, outcome, session, now, doubtful)
        if not doubtful:
            self._balance(outcome.balance, session.wallet, now, f"{type(command).__name__} {command.key}")
        return None

    def _not_granted(self, command: Authorize | Start | Update, outcome: Refused, now: int) -> None:
        if outcome.refusal in (Refusal.UNKNOWN_SESSION, Refusal.SESSION_CLOSED):
            return
        self._no_funds(outcome)
        session = self.sessions.get(outcome.session)
        if session is not None and isinstance(command, Update):
            self._report(command, session, now)
            session.held, session.granted = 0, session.used
            session.until = self._silent_at(session, now)
        steps, used = self._steps(command), session.used if session else 0
        name = wallet_of(command)
        free = self.payable(name, now, session) + (session.posted if session else 0)
        if self._sure(name) and steps.longest(free, used + steps.shortest()) > used:
            raise Wrong(f"{command} was refused with {outcome}, {free} is free")

    def _hold(
        self, command: Authorize | Start | Update, outcome: Granted, session: Session, now: int, doubtful: bool
    ) -> None:
        """The grant must be what free money pays, no more and (where all is known) no less."""
        free = self.free(session.wallet, now, session) + session.posted
        reach = session.used + outcome.granted
        price = session.steps.cost(reach)
        self._report_hold(session, price - session.posted)
        account = self.accounts[session.wallet]
        if outcome.granted and price > free and not doubtful and not self._split(account):
            raise Wrong(f"{outcome.granted} was granted to {command.key}, {price} with {free} free")
        if self._sure(session.wallet) and not doubtful:
            self.exact_checks += 1
            most = self._asked(command, session)
            free = self.payable(session.wallet, now, session) + session.posted
            if reach != max(session.steps.longest(free, most), session.used):
                raise Wrong(f"{reach} was granted to {command.key}, {session.steps.longest(free, most)} is due")
        session.granted = reach
        session.vague = doubtful
        if isinstance(command, Authorize) and not command.begin and session.state == "authorised":
            session.shortest = command.wish is Wish.SHORTEST
            session.until = now + (self.rules.sip_hold if session.shortest else self.rules.setup_window)
        else:
            session.state = "started"
            session.until = self._silent_at(session, now)

    def _report_hold(self, session: Session, amount: int) -> None:
        session.held = max(amount, 0)

    def _asked(self, command: Authorize | Start | Update, session: Session) -> int:
        cap = self.rules.cap(session.service)
        if isinstance(command, Authorize) and command.wish is Wish.SHORTEST:
            return session.steps.shortest()
        wish = command.ask if isinstance(command, Authorize) else command.more if isinstance(command, Update) else None
        return session.used + min(wish or cap, cap)

    def _silent_at(self, session: Session, now: int) -> int:
        if session.service is Service.VOICE:
            return max(session.began + session.granted, now) + self.rules.tolerance
        return now + self.rules.validity + self.rules.tolerance

    def _report(self, command: Update | Stop, session: Session, now: int) -> None:
        """Usage is charged: first from what is held."""
        usage = command.usage
        before = session.posted
        session.used = max(session.used, usage.units) if isinstance(usage, Total) else session.used + usage.units
        if session.used > session.granted or session.state == "closed":
            self.accounts[session.wallet].overrun = True
        self._post(session, session.steps.cost(session.used))
        session.held = max(0, session.held - (session.posted - before))
        if session.state == "authorised":
            session.state = "started"
        session.until = max(session.until, self._silent_at(session, now))

    def _end(self, command: Stop | Release, outcome: Outcome, now: int, doubtful: bool) -> None:
        """The answer to a doubtful one may be the stored one, from before the crash: its balance is that of then. So
        may that of a session past its end: then silence ended it before."""
        if isinstance(outcome, Refused):
            if outcome.refusal not in (Refusal.UNKNOWN_SESSION, Refusal.SESSION_CLOSED):
                raise Wrong(f"{command} was answered {outcome}")
            return
        if not isinstance(outcome, Settled):
            raise Wrong(f"{command} was answered {outcome}")
        if isinstance(command, Stop) and isinstance(command.usage, Total):
            name = logical(command.key)
            if self.stopped.setdefault(name, outcome) != outcome:
                raise Wrong(f"{command} was answered {outcome}, before {self.stopped[name]}")
        session = self.sessions.get(outcome.session)
        doubtful |= session is not None and session.until <= now
        if isinstance(command, Stop):
            session = session or self._session(outcome.session, command, now)
            if session.state == "closed" and (session.used, session.posted) == (outcome.usage, outcome.cost):
                return
            self._report(command, session, now)
            if (outcome.usage, outcome.cost) != (session.used, session.posted):
                raise Wrong(f"{command} was answered {outcome}, {session.used} cost {session.posted}")
        if session is not None:
            session.state, session.held = "closed", 0
            if not doubtful:
                self._balance(outcome.balance, session.wallet, now, f"{type(command).__name__} {command.key}")

    def _close_client(self, command: CloseClient, doubtful: bool) -> None:
        """Where it may have been decided before a crash, what began since goes on."""
        for session in self.sessions.values():
            if session.client == command.client and session.state != "closed":
                if doubtful:
                    session.vague = True
                else:
                    self._silence(session)

    def _swept(self, command: Sweep, now: int) -> None:
        for session in self.sessions.values():
            if session.state != "closed" and session.until <= now:
                self._silence(session)

    def _silence(self, session: Session) -> None:
        """The end of a session that reports no more."""
        self._post(session, self._silent_cost(session))
        session.state, session.held = "closed", 0

    def _silent_cost(self, session: Session) -> int:
        """What a session costs that is heard of no more."""
        if self.rules.on_silence == "nothing":
            return 0
        if session.state == "started" and self.rules.on_silence == "granted":
            return session.steps.cost(max(session.used, session.granted))
        return session.posted

    # The end

    def closing(self, views: Sequence[WalletView], records: Mapping[str, list[bytes]]) -> None:
        """All is over: balances, holds and records against what was to be charged, and each call charged once."""
        paid = [session.call for session in self.sessions.values() if session.posted]
        if len(paid) != len(set(paid)):
            raise Wrong(f"charged twice: calls {sorted(call for call in set(paid) if paid.count(call) > 1)}")
        seen = {view.wallet for view in views}
        if seen != set(self.accounts):
            raise Wrong(f"wallets {seen} are there, {set(self.accounts)} were made")
        for view in views:
            account = self.accounts[view.wallet]
            unanswered = [key for key in account.doubts if not key.startswith("close")]
            if unanswered:
                raise Wrong(f"wallet {view.wallet}: a client never got an answer to {unanswered}")
            chain = read_chain(view.wallet, records[view.wallet], account.expiries)
            if (chain.moved(), sum(bucket.value for bucket in view.buckets)) != (view.balance, view.balance):
                raise Wrong(f"wallet {view.wallet}: {view.balance} is not the sum of its records, {chain.moved()}")
            if chain.expired > account.expiring or any(bucket.expiry for bucket in view.buckets):
                raise Wrong(f"wallet {view.wallet}: {chain.expired} expired of {account.expiring}, left {view.buckets}")
            if view.balance != account.balance() - chain.expired:
                raise Wrong(f"wallet {view.wallet}: {view.balance} left, due {account.balance() - chain.expired}")
            if view.held or any(bucket.held for bucket in view.buckets):
                raise Wrong(f"wallet {view.wallet}: {view.held} is still held")
            if view.balance < -account.limit and not account.overrun:
                raise Wrong(f"wallet {view.wallet}: overspent without an overrun: {view.balance}")


def wallet_of(command: Command) -> str:
    """The wallet that a command is about; empty where it is about many."""
    if isinstance(command, (CloseClient, Sweep)):
        return ""
    return getattr(command, "wallet", "") or command.caller.wallet  # type: ignore[union-attr]


def client_of(command: Command) -> str:
    """Whose request key it is."""
    return getattr(command, "client", "") or command.caller.client  # type: ignore[union-attr]
