"""What the engine knows: entities loaded from the store, with the open batch's changes laid over them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Final, TypeAlias

import msgspec

from tollhouse.engine.conditions import next_due
from tollhouse.engine.session import CLOSED, Session, find_key
from tollhouse.rating.price import Price
from tollhouse.records.record import Record
from tollhouse.snapshot.lookups import Snapshot
from tollhouse.store.interface import Entry, RecordEntry, Store
from tollhouse.values.instants import LAST, Instant
from tollhouse.values.outcomes import Outcome
from tollhouse.wallet.state import REMOVED, Wallet

WALLET: Final = 1
SESSION: Final = 2
ONE_SHOT: Final = 3
PRICE: Final = 4
COUNT: Final = 5
PROPOSAL: Final = 7
"""6 is what was brought forward (`chain.FORWARD`)."""
FORMAT: Final = b"\x01"


class OneShot(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A request that moved money once: the hash of its body and its outcome, kept until `until`."""

    client: str
    key: str
    body: bytes
    outcome: bytes
    until: Instant


class StoredPrice(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A resolved price under its hash, stored once and named by sessions and records."""

    hash: bytes
    price: Price


class Count(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How many there are of something that nobody should have to count."""

    name: str
    value: int


class Proposal(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A correction by hand that waits for a second operator, until `until`. `amount` in steps of `unit`."""

    client: str
    key: str
    wallet: str
    balance_type: str
    bucket: int
    unit: str
    decimals: int
    amount: int
    operator: str
    reason: str
    until: Instant


class Gone(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The deletion of an entity."""

    kind: int
    key: bytes


Image: TypeAlias = Wallet | Session | OneShot | StoredPrice | Proposal | Gone
Entity: TypeAlias = Wallet | Session | OneShot | StoredPrice | Count | Proposal
_Name: TypeAlias = tuple[int, bytes]
_Recorded: TypeAlias = tuple[Record, bytes]

_TYPES: Final[dict[int, type[Entity]]] = {
    WALLET: Wallet,
    SESSION: Session,
    ONE_SHOT: OneShot,
    PRICE: StoredPrice,
    COUNT: Count,
    PROPOSAL: Proposal,
}
OPEN_SESSIONS: Final = b"open sessions"
"""The key of their Count."""
_LOG: Final = logging.getLogger("tollhouse.engine")
_DECODERS: Final = {kind: msgspec.msgpack.Decoder(type_) for kind, type_ in _TYPES.items()}
_ENCODER: Final = msgspec.msgpack.Encoder()
_OUTCOMES: Final = msgspec.msgpack.Decoder(Outcome)


def one_shot_key(client: str, key: str) -> bytes:
    """The store key of a one-shot row."""
    return blake2b(f"{client}\0{key}".encode(), digest_size=16).digest()


def proposal_key(client: str, key: str) -> bytes:
    """The store key of a proposal: those of a client stand in the order of their keys."""
    return f"{client}\0{key}".encode()


def encode_outcome(outcome: Outcome) -> bytes:
    """An outcome as it is stored under its request's key."""
    return _ENCODER.encode(outcome)


def decode_outcome(data: bytes) -> Outcome:
    """The stored outcome again."""
    outcome: Outcome = _OUTCOMES.decode(data)
    return outcome


class DamagedError(ValueError):
    """A stored image that cannot be read: of an unknown format, or damaged at rest."""


def decode_image(kind: int, image: bytes) -> Entity:
    """The entity of a stored image. Raises DamagedError."""
    if image[:1] != FORMAT:
        raise DamagedError(f"image format {image[:1].hex()!r} is unknown")
    try:
        entity: Entity = _DECODERS[kind].decode(image[1:])
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"an image of kind {kind} cannot be read: {error}") from error
    return entity


def name_of(image: Image) -> _Name:
    """(kind, key) of an entity."""
    if isinstance(image, Wallet):
        return WALLET, image.name.encode()
    if isinstance(image, Session):
        return SESSION, image.id.encode()
    if isinstance(image, OneShot):
        return ONE_SHOT, one_shot_key(image.client, image.key)
    if isinstance(image, StoredPrice):
        return PRICE, image.hash
    if isinstance(image, Proposal):
        return PROPOSAL, proposal_key(image.client, image.key)
    return image.kind, image.key


def entry_of(image: Image, snapshot: Snapshot) -> Entry:
    """The image as the store takes it, with its index keys and due time. Raises where a number is beyond msgpack."""
    kind, key = name_of(image)
    if isinstance(image, Session):
        return Entry(kind, key, FORMAT + _ENCODER.encode(image), image.finds(), image.until)
    if isinstance(image, Wallet):
        return Entry(kind, key, FORMAT + _ENCODER.encode(image), _groups(image), next_due(snapshot, image))
    if isinstance(image, OneShot | Proposal):
        return Entry(kind, key, FORMAT + _ENCODER.encode(image), (), image.until)
    if isinstance(image, StoredPrice):
        return Entry(kind, key, FORMAT + _ENCODER.encode(image))
    return Entry(kind, key, None)


def group_key(tenant: str, group: str) -> bytes:
    """The index key of the wallets that share buckets in a group (no client is named by a control character)."""
    return find_key("\1", f"{tenant}\0{group}")


def _groups(wallet: Wallet) -> tuple[bytes, ...]:
    """The index keys of the groups that it shares buckets in."""
    uses = [bucket.use for bucket in wallet.buckets if bucket.use is not None]
    return tuple(dict.fromkeys(group_key(wallet.tenant, group) for use in uses for group in use.groups))


class Book:
    """Read by decisions, written only by `install`. One batch at a time; `appended` ends it."""

    def __init__(self, store: Store, snapshot: Snapshot, cache_entities: int) -> None:
        self.snapshot = snapshot
        self._store = store
        self._limit = cache_entities
        self._known: dict[_Name, Entity] = {}
        self._batch: dict[_Name, Entry] = {}
        self._batch_finds: dict[bytes, dict[str, None]] = {}
        self._batch_members: dict[bytes, dict[str, None]] = {}
        self._found: dict[bytes, list[str]] = {}
        """Where a client's session key led; exact, for only `install` makes it lead further."""
        self._records: list[RecordEntry] = []
        self._made = 0
        self._moved = 0
        self._hashes: dict[Price, bytes] = {}
        self._passed_over: set[_Name] = set()
        self._no_end_before: dict[str, Instant] = {}
        self._supposed: dict[str, Wallet] = {}
        self.touched = ""
        """The wallet that the decision in hand last loaded: the one to quarantine when it breaks."""
        self.joined_by_window = 0
        """How many reports of this batch found their session by nothing better than who calls whom."""

    @contextmanager
    def supposing(self, images: Sequence[Image]) -> Iterator[None]:
        """Within, wallets stand as these images leave them: a part of a decision is made that the rest has to know."""
        before = self._supposed
        self._supposed = {**before, **{one.name: one for one in images if isinstance(one, Wallet)}}
        try:
            yield
        finally:
            self._supposed = before

    def wallet(self, name: str) -> Wallet | None:
        """The wallet of this name as it stands."""
        key = name.encode()
        self.touched = name
        found = self._supposed.get(name) or self._entity(WALLET, key)
        return found if isinstance(found, Wallet) and found.state != REMOVED else None

    def removed(self, name: str) -> Wallet | None:
        """The wallet that had this name and is gone."""
        found = self._entity(WALLET, name.encode())
        return found if isinstance(found, Wallet) and found.state == REMOVED else None

    def session(self, session_id: str) -> Session | None:
        """The session of this id, open or a tombstone."""
        found = self._entity(SESSION, session_id.encode())
        return found if isinstance(found, Session) else None

    def sessions(self, client: str, key: str) -> list[Session]:
        """The client's sessions under a session key, oldest first (key empty: all its open ones)."""
        found = (self.session(one) for one in self.session_ids(client, key))
        return [one for one in found if one is not None and one.answers_to(client, key)]

    def session_ids(self, client: str, key: str) -> list[str]:
        """Where those sessions are to be found, and perhaps others: what this batch changed is not looked at."""
        index_key = find_key(client, key)
        ids = self._found.get(index_key)
        if ids is None:
            ids = [k.decode() for kind, k in self._store.find(index_key) if kind == SESSION]
            if index_key in self._batch_finds:
                ids = list(dict.fromkeys((*ids, *self._batch_finds[index_key])))
            if client and key:
                self._found[index_key] = ids
        return ids

    def members(self, tenant: str, group: str) -> list[str]:
        """The wallets that share buckets in the group, and perhaps some that did."""
        index_key = group_key(tenant, group)
        names = [key.decode() for kind, key in self._store.find(index_key) if kind == WALLET]
        return list(dict.fromkeys((*names, *self._batch_members.get(index_key, ()))))

    def open_sessions_of(self, wallet: str) -> list[Session]:
        """The open sessions that a wallet pays; damaged ones are left out."""
        found: list[Session] = []
        for session_id in self.session_ids("", wallet):
            try:
                session = self.session(session_id)
            except DamagedError:
                continue
            if session is not None and session.state != CLOSED and session.wallet == wallet:
                found.append(session)
        return found

    def due_sessions(self, wallet: str, now: Instant) -> list[Session]:
        """The wallet's open sessions that are due, earliest first; damaged ones are left out.

        Nothing is read while none can be.
        """
        if now < self._no_end_before.get(wallet, now):
            return []
        sessions = self.open_sessions_of(wallet)
        self._no_end_before[wallet] = min((one.until for one in sessions), default=LAST)
        return sorted((one for one in sessions if one.until <= now), key=lambda one: one.until)

    def one_shot(self, client: str, key: str) -> OneShot | None:
        """The row of a one-shot request made before."""
        found = self._entity(ONE_SHOT, one_shot_key(client, key))
        return found if isinstance(found, OneShot) else None

    def proposal(self, client: str, key: str) -> Proposal | None:
        """The correction that the client asked for under this key, where it waits."""
        found = self._entity(PROPOSAL, proposal_key(client, key))
        return found if isinstance(found, Proposal) else None

    def price(self, price_hash: bytes) -> Price:
        """The price that a session names. KeyError where there is none: a breached invariant."""
        found = self._entity(PRICE, price_hash)
        if not isinstance(found, StoredPrice):
            raise KeyError(f"no price {price_hash.hex()}")
        return found.price

    def hash_of(self, price: Price) -> tuple[bytes, tuple[StoredPrice, ...]]:
        """The price's hash, and the image that stores it where it is new."""
        known = self._hashes.get(price)
        if known is None:
            known = blake2b(_ENCODER.encode(price), digest_size=12).digest()
            if len(self._hashes) > 10_000:
                self._hashes.clear()
            self._hashes[price] = known
        if self._entity(PRICE, known) is None:
            return known, (StoredPrice(known, price),)
        return known, ()

    def due(self, now: Instant, limit: int) -> list[_Name]:
        """Entities that are due, at most `limit`, but for those that this batch has changed or that are passed over."""
        names = self._store.due(now, limit + len(self._passed_over))
        return [name for name in names if name not in self._batch and name not in self._passed_over][:limit]

    def pass_over(self, name: _Name) -> None:
        """Leave it out of what is due until it changes: it cannot be ended, and must not stand before the others."""
        self._passed_over.add(name)

    def entity(self, name: _Name) -> Entity | None:
        """Whatever stands under (kind, key)."""
        return self._entity(*name)

    def open_sessions(self) -> int:
        """How many sessions are open: counted with every batch, so that nobody walks over them.

        It is for people only: a count that is damaged at rest begins anew at 0, and the audit says that it is wrong.
        """
        name = (COUNT, OPEN_SESSIONS)
        try:
            found = self._entity(*name)
        except DamagedError as error:
            _LOG.error("the count of open sessions begins anew at 0: %s", error)
            found = self._known[name] = Count(OPEN_SESSIONS.decode(), 0)
        return max(self._moved + (found.value if isinstance(found, Count) else 0), 0)

    def new_session_id(self) -> str:
        """An id that no session had before: the journal number to come, and a count within the batch."""
        self._made += 1
        return f"{self._store.next_number:x}-{self._made:x}"

    def install(self, images: Sequence[Image], entries: Sequence[Entry], records: Sequence[_Recorded]) -> None:
        """Take a decision's changes into memory and into the open batch; `entries` are `images` encoded."""
        for image, entry in zip(images, entries, strict=True):
            name = (entry.kind, entry.key)
            self._batch[name] = entry
            self._passed_over.discard(name)
            if isinstance(image, Gone):
                self._known.pop(name, None)
                continue
            before = self._known.get(name)
            self._known[name] = image
            if isinstance(image, Wallet):
                for index_key in entry.finds:
                    self._batch_members.setdefault(index_key, {})[image.name] = None
            if isinstance(image, Session):
                was = before if isinstance(before, Session) else None
                if image.until < self._no_end_before.get(image.wallet, 0):
                    self._no_end_before[image.wallet] = image.until
                self._moved += (image.state != CLOSED) - (was is not None and was.state != CLOSED)
                if was is None or was.keys != image.keys:
                    for index_key in entry.finds:
                        self._batch_finds.setdefault(index_key, {})[image.id] = None
                        known = self._found.get(index_key)
                        if known is not None and image.id not in known:
                            known.append(image.id)
        self._records += [RecordEntry(one.wallet, one.sequence, one.at, body) for one, body in records]

    def pending(self) -> tuple[list[Entry], list[RecordEntry]]:
        """What the open batch has to make durable."""
        if self._moved:
            count = Count(OPEN_SESSIONS.decode(), self.open_sessions())
            name = (COUNT, OPEN_SESSIONS)
            self._known[name], self._moved = count, 0
            self._batch[name] = Entry(*name, FORMAT + _ENCODER.encode(count))
        return list(self._batch.values()), self._records

    def appended(self) -> None:
        """The batch is durable: begin the next one, and keep memory bounded."""
        self._batch = {}
        self._batch_finds = {}
        self._batch_members = {}
        self._records = []
        self._made = self.joined_by_window = 0
        if len(self._known) > self._limit:
            for name in list(self._known)[: self._limit // 4]:
                del self._known[name]
        if len(self._found) > self._limit:
            self._found.clear()
        if len(self._no_end_before) > self._limit:
            self._no_end_before.clear()

    def _entity(self, kind: int, key: bytes) -> Entity | None:
        name = (kind, key)
        found = self._known.get(name)
        if found is None and name not in self._batch:
            image = self._store.load(kind, key)
            if image is not None:
                found = decode_image(kind, image)
                self._known[name] = found
        return found
