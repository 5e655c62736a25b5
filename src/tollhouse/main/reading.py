"""What the console and the command line read: pages of the store's newest images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice

from tollhouse.console.reading import RecordsPage, RecordsWish
from tollhouse.engine.approvals import view as proposed
from tollhouse.engine.book import PROPOSAL, SESSION, WALLET, DamagedError, Entity, Proposal, decode_image, proposal_key
from tollhouse.engine.decision import API
from tollhouse.engine.living import caught_up
from tollhouse.engine.readable import Readable
from tollhouse.engine.session import Session, find_key
from tollhouse.engine.wallets import session_view, view
from tollhouse.main.endings import ended_page
from tollhouse.main.exporting import export_page
from tollhouse.main.journal import check_missing, forward_of, open_sessions, trace_page
from tollhouse.main.naming import Names
from tollhouse.records.forward import BroughtForward
from tollhouse.records.record import Record, decode
from tollhouse.snapshot.lookups import Snapshot
from tollhouse.snapshot.rules import WalletRules
from tollhouse.values.instants import Instant, format_instant, format_seconds
from tollhouse.values.money import format_amount
from tollhouse.values.outcomes import Adjustment, SessionView, WalletView
from tollhouse.wallet.funds import expire
from tollhouse.wallet.state import REMOVED, Posting, Wallet


class StoreReading:
    """Implements `Reading` over a store or over a disk that no engine holds."""

    def __init__(self, store: Readable, now: Callable[[], Instant], snapshot: Snapshot | None = None) -> None:
        """`snapshot` None: there is no configuration to ask, so nothing is hidden, and only expiry is done."""
        self._store = store
        self._now = now
        self._snapshot = snapshot

    def wallet(self, name: str) -> WalletView | None:
        """The wallet of this name."""
        wallet = self._wallet(name)
        return None if wallet is None or wallet.state == REMOVED else self._view(wallet)

    def wallets(self, after: str, limit: int) -> list[WalletView]:
        """Wallets in order of name, without those whose image is damaged (the audit names them)."""
        readable = self._readable(WALLET, after, limit)
        found = (one for one in readable if isinstance(one, Wallet) and one.state != REMOVED)
        return [self._view(wallet) for wallet in islice(found, limit)]

    def session(self, name: str) -> SessionView | None:
        """The session of this id, else the API client's own name for one (its newest)."""
        found = self._load(SESSION, name.encode())
        if found is None:
            named = self._store.find(find_key("api", f"api:{name}"))
            found = self._load(*named[-1]) if named else None
        return session_view(found, self._wallet(found.wallet)) if isinstance(found, Session) else None

    def sessions(self, after: str, limit: int) -> list[SessionView]:
        """Sessions in order of id, without those whose image, or whose wallet's, is damaged (the audit names them)."""
        found = islice(self._readable(SESSION, after, limit), limit)
        return [session_view(one, self._wallet(one.wallet)) for one in found if isinstance(one, Session)]

    def reservations(self, wallet: str, after: str, limit: int) -> tuple[list[SessionView], bool] | None:
        """The wallet's open sessions, a page of them (requirement oracle_vws, case 101)."""
        owner = self._wallet(wallet)
        if owner is None or owner.state == REMOVED:
            return None
        rules = self._snapshot.rules(owner.tenant).wallet if self._snapshot else WalletRules()
        limit = limit or rules.reservations_per_page
        found = list(islice(open_sessions(self._store, wallet, after), limit + 1))
        return [session_view(one, owner) for one in found[:limit]], len(found) > limit

    def records(self, wallet: str, after: int, limit: int) -> list[dict[str, object]]:
        """The wallet's records, ready for JSON; of one that cannot be read, its number and why.

        First stands what was brought forward, where the page begins before its end. Raises DamagedError where records
        are missing because their day cannot be read.
        """
        owner = self._wallet(wallet)
        names = Names(owner, self._decimals)
        forward = forward_of(self._store, wallet)
        names.meet_forward(forward)
        found = [_shown_forward(forward, names)] if after < forward.sequence else []
        after = max(after, forward.sequence)
        entries = self._store.records(wallet, after, limit - len(found)) if len(found) < limit else []
        full = len(found) + len(entries) == limit
        check_missing(self._store, wallet, after, entries, None if full or owner is None else owner.records)
        for entry in entries:
            try:
                found.append(_shown(decode(entry.body), names))
            except ValueError as error:
                found.append({"wallet": wallet, "sequence": entry.sequence, "damaged": str(error)})
        return found

    def trace(self, wallet: str, at: Instant, after: str, limit: int) -> dict[str, object] | None:
        """The wallet's journal with running balances."""
        return trace_page(self._store, self._decimals, wallet, at, after, limit)

    def ended(self, since: Instant, until: Instant, after: str, limit: int) -> tuple[list[dict[str, object]], str]:
        """Wallets that were terminated or removed (requirement oracle_vws, case 70)."""
        return ended_page(self._store, RecordsWish("", since, until, after, limit))

    def export(self, wish: RecordsWish) -> RecordsPage:
        """Records as lines."""
        return export_page(self._store, self._decimals, self._snapshot, wish)

    def _decimals(self, unit: str) -> int | None:
        found = self._snapshot.unit(unit) if self._snapshot else None
        return found.decimals if found else None

    def adjustments(self, after: str, limit: int) -> list[Adjustment]:
        """Corrections that wait for a second operator, in order of id, without those whose time is over."""
        found = self._readable(PROPOSAL, proposal_key(API, after).decode(), limit)
        waiting = (one for one in found if isinstance(one, Proposal) and one.client == API)
        return [proposed(one) for one in islice((one for one in waiting if self._now() < one.until), limit)]

    def _readable(self, kind: int, after: str, limit: int) -> Iterator[Entity]:
        key = after.encode()
        while page := self._store.scan(kind, key, limit):
            for _, image in page:
                with suppress(DamagedError):
                    entity = decode_image(kind, image)
                    if isinstance(entity, Session):
                        self._wallet(entity.wallet)
                    yield entity
            key = page[-1][0]

    def _wallet(self, name: str) -> Wallet | None:
        found = self._load(WALLET, name.encode())
        return found if isinstance(found, Wallet) else None

    def _load(self, kind: int, key: bytes) -> Entity | None:
        image = self._store.load(kind, key)
        return None if image is None else decode_image(kind, image)

    def _view(self, wallet: Wallet) -> WalletView:
        now = self._now()
        if self._snapshot is None:
            return view(expire(wallet, now)[0], WalletRules(), now)
        return view(caught_up(self._snapshot, wallet, now).wallet, self._snapshot.rules(wallet.tenant).wallet, now)


def _shown_forward(forward: BroughtForward, names: Names) -> dict[str, object]:
    """In the form of a record whose postings are what each bucket held."""
    units = dict(forward.units)
    moved = [Posting(bucket, amount, "", units.get(bucket, "")) for bucket, amount in forward.buckets]
    amount = _money(moved, names.decimals(forward.unit))
    return {
        "wallet": forward.wallet,
        "sequence": forward.sequence,
        "at": format_instant(forward.at),
        "kind": "brought forward",
        "client": "",
        "request_id": "",
        "unit": forward.unit,
        "amount": amount,
        "units": _units(moved, names),
        "balance": amount,
        "postings": _postings(moved, names),
        "note": f"records 1 to {forward.sequence}, which are kept no longer",
        "previous": "",
    }


def _shown(record: Record, names: Names) -> dict[str, object]:
    """A record as JSON: amounts as decimal strings, times as ISO 8601, usage in seconds for voice."""
    names.meet(record)
    decimals = record.places(names.decimals(record.unit))
    shown: dict[str, object] = {
        "wallet": record.wallet,
        "sequence": record.sequence,
        "at": format_instant(record.at),
        "kind": record.kind,
        "client": record.client,
        "request_id": record.request,
        "unit": record.unit,
        "amount": _money(record.postings, decimals),
        "units": _units(record.postings, names),
        "balance": format_amount(record.balance, decimals),
        "postings": _postings(record.postings, names),
        "note": record.note,
        "previous": record.previous.hex(),
    }
    call = record.call
    if call is not None:
        voice = call.service == "voice"
        shown["session"] = {
            "session": call.session,
            "account": call.account,
            "service": call.service,
            "calling": call.calling,
            "called": call.called,
            "began": format_instant(call.began),
            "usage": format_seconds(call.usage) if voice else str(call.usage),
            "cost": format_amount(call.cost, decimals),
            "overdrawn": format_amount(call.overdrawn, decimals),
            "forgone": format_amount(call.forgone, decimals),
            "price": call.price.hex(),
            "ended": call.ended,
            "request_type": call.paid_as,
        }
    event = record.event
    if event is not None:
        shown["event"] = {
            "event_class": event.event_class,
            "event": event.name,
            "count": event.count,
            "promotional": event.promotional,
        }
    return shown


def _money(postings: Iterable[Posting], decimals: int) -> str:
    """What moved of the wallet's money."""
    return format_amount(sum(one.amount for one in postings if not one.unit), decimals)


def _units(postings: Iterable[Posting], names: Names) -> list[dict[str, str]]:
    """What moved of anything else, in each unit and number of decimals."""
    sums: dict[tuple[str, int], int] = {}
    for one in postings:
        if one.unit:
            key = one.unit, names.kinds[one.bucket].decimals
            sums[key] = sums.get(key, 0) + one.amount
    return [{"unit": unit, "amount": format_amount(amount, places)} for (unit, places), amount in sums.items()]


def _postings(postings: Iterable[Posting], names: Names) -> list[dict[str, object]]:
    return [
        {
            **names.named(one.bucket),
            "amount": names.amount(one.bucket, one.amount),
            "counter_account": one.counter,
        }
        for one in postings
    ]
