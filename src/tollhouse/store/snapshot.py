"""The compiled configuration in `config.lmdb`: one sorted table, written by one, mapped by every reader of the machine.

A key is one byte that names the table, then the rest as the functions below lay it out; a value is msgpack.

    t tenant                                    a account id (8 bytes) -> AccountEntry
    u unit                -> Unit               n user name            -> account id
    b balance type        -> BalanceType        i calling number       -> account id
    g protocol, block     -> Gateway            x block                -> account id
    p tenant, service, category, subject -> Profile
    m rating plan         -> its import         c prefix -> carriers' rates
    d import, prefix      -> Priced: each destination that names it, with its sheet
    d "", import          -> the same of destination *any
    r rating plan, sheet  -> the intervals that the plan has for it
    k tenant, product     -> Product            l tenant, batch        -> Batch
    s tenant, cascade     -> Cascade            o tenant               -> Rules, where it sets any
    h tenant, shared group, member (or *any) -> Strategy
    e tenant, class, name -> NamedEvent

A sheet is what destinations are priced by, whatever they are called: a million of them may share a few thousand. It is
named by the digest of which rates those are, not of what the rates say, so a new price writes its sheets' rows alone,
and a look-up finds prefix and sheet in one search; sheets are few enough to be remembered. The rows of one that no
prefix names any more go when all plans are compiled.
Passwords and secrets lie here in the clear, for CHAP and RADIUS need them: the file is its owner's alone (0600).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import lmdb
import msgspec

from tollhouse.snapshot.accounts import Account, BalanceType, CarrierRate, Gateway, Tenant
from tollhouse.snapshot.categories import category_for
from tollhouse.snapshot.groups import DEFAULT_STRATEGY, EVERYONE, Strategy
from tollhouse.snapshot.products import Batch, Cascade, NamedEvent, Product
from tollhouse.snapshot.rules import Rules
from tollhouse.snapshot.tariff import Destinations, Interval, PrefixRates, Profile
from tollhouse.store.die import describe
from tollhouse.store.environments import MAP_SIZE, make_environment, reserve_lock
from tollhouse.store.errors import FormatError, NotPublishedError, StoreError
from tollhouse.store.snapshot_walk import heads, longest_block
from tollhouse.values.commands import Service
from tollhouse.values.money import Unit

FORMAT: Final = 7
"""Of everything below. Another number: the file is made anew, it holds nothing that the config database does not."""
READERS: Final = 512
"""Processes and threads that may look something up at a time."""
KEY_MAX: Final = 500
CACHE_MAX: Final = 16_384
DEFAULT_RULES: Final = Rules()

TENANT, UNIT, BALANCE_TYPE, GATEWAY, PROFILE = b"t", b"u", b"b", b"g", b"p"
ACCOUNT, ACCOUNT_NAME, ACCOUNT_ANI, ACCOUNT_BLOCK = b"a", b"n", b"i", b"x"
PLAN, DESTINATION, RATES, CARRIER = b"m", b"d", b"r", b"c"
PRODUCT, BATCH, CASCADE, RULES, SHARING, EVENT = b"k", b"l", b"s", b"o", b"h", b"e"
TREES: Final = {DESTINATION: b"!d", RATES: b"!r"}
"""Tables that may have millions of rows: each is a tree of its own, which can be written anew in order, pages full."""
DIGEST_SIZE: Final = 10
"""Octets: among a million different sheets two meet by chance once in 10^12 compilations."""
UNPRICED: Final = b""
"""Instead of a sheet: nothing prices the destination."""
_META: Final = b"!"

Priced: TypeAlias = list[tuple[str, bytes]]
"""Destinations by name, each with its sheet."""
T = TypeVar("T")
K = TypeVar("K")
Tree: TypeAlias = Any
"""LMDB's handle of a named database; its package has no types."""


class AccountEntry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An account and the keys under which it is found."""

    account: Account
    ani: str
    cidrs: tuple[str, ...]


class Edit(msgspec.Struct, frozen=True, gc=False):
    """What becomes of a table: keys to values, None = gone. `whole`: these are all its rows, any other goes."""

    table: bytes
    rows: Mapping[bytes, bytes | None]
    whole: bool


class Origin(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What the snapshot was compiled from: a config database (its random id) at a revision."""

    database: str = ""
    revision: int = -1


class _Meta(msgspec.Struct, frozen=True, gc=False, array_like=True):
    format: int
    generation: int
    origin: Origin


def text_key(table: bytes, *parts: str) -> bytes:
    """A key of texts, NUL between them."""
    return table + "\0".join(parts).encode("utf-8", "surrogatepass")


def anywhere_key(plan: str) -> bytes:
    """The key of an import's destination `*any`; no import has an empty name."""
    return text_key(DESTINATION, "", plan)


def account_key(number: int) -> bytes:
    """The key of the account with this row id."""
    return ACCOUNT + number.to_bytes(8, "big")


def block_key(table: bytes, block: IPv4Network | IPv6Network) -> bytes:
    """The key of an address block: a shorter block sorts before the longer ones in it."""
    return table + bytes((block.version,)) + block.network_address.packed + bytes((block.prefixlen,))


def gateway_table(protocol: str) -> bytes:
    """Where the blocks of the gateways lie that may speak this protocol."""
    return GATEWAY + protocol.encode() + b"\0"


def sheet_name(contents: bytes) -> bytes:
    """A sheet's name, by the msgpack of what it consists of."""
    return blake2b(contents, digest_size=DIGEST_SIZE).digest()


def sheet_key(plan: str, sheet: bytes) -> bytes:
    """Where the plan's intervals for the sheet lie."""
    return text_key(RATES, plan, "") + sheet


class SnapshotFile:
    """`config.lmdb`, opened once a process; readers and the writer are made from it."""

    def __init__(self, path: Path) -> None:
        """Made where it is missing. Raises StoreError where it cannot be."""
        try:
            if not path.exists():
                make_environment(path, TREES.values())
            path.chmod(0o600)
            reserve_lock(path, READERS)
            self.environment = lmdb.open(
                str(path), subdir=False, map_size=MAP_SIZE, max_readers=READERS, mode=0o600, max_dbs=len(TREES)
            )
            self.environment.reader_check()
            self.trees = {table: self._tree(name) for table, name in TREES.items()}
        except (OSError, lmdb.Error) as error:
            raise StoreError(describe(f"opening {path}", error, shutil.disk_usage(path.parent).free)) from error

    def close(self) -> None:
        self.environment.close()

    def _tree(self, name: bytes) -> Tree:
        """Looked for first: another release's file has none, and to make it is a write, which a full disk refuses."""
        try:
            return self.environment.open_db(name, create=False)
        except lmdb.NotFoundError:
            return self.environment.open_db(name)


class SnapshotWriter:
    """The one who publishes."""

    def __init__(self, file: SnapshotFile) -> None:
        self._environment = file.environment
        self._trees = file.trees

    def origin(self) -> Origin:
        """What the file was compiled from; an empty origin where it holds nothing (of this format)."""
        with self._environment.begin() as txn:
            meta = _meta(txn)
        return meta.origin if meta.format == FORMAT else Origin()

    def account_entry(self, number: int) -> AccountEntry | None:
        """The account as it was last published."""
        with self._environment.begin() as txn:
            raw = txn.get(account_key(number)) if _meta(txn).format == FORMAT else None
        return None if raw is None else _ACCOUNT_ENTRY.decode(raw)

    def publish(self, edits: Sequence[Edit], origin: Origin) -> int:
        """Install the edits in one transaction and return the generation; it moves only if a row did.

        NotPublishedError where they cannot be written (disk full): all is as it was.
        """
        try:
            return self._publish(edits, origin)
        except lmdb.Error as error:
            raise NotPublishedError(f"{self._environment.path()} cannot be written: {error}") from error

    def _publish(self, edits: Sequence[Edit], origin: Origin) -> int:
        with self._environment.begin(write=True) as txn:
            meta = _meta(txn)
            if meta.format != FORMAT:
                _clear(txn, self._trees.values())
            moved = sum([_apply(txn, self._trees.get(edit.table), edit) for edit in edits])
            generation = meta.generation + 1 if moved or not meta.generation else meta.generation
            txn.put(_META, msgspec.msgpack.encode(_Meta(FORMAT, generation, origin)))
        return generation


class LmdbSnapshot:
    """`snapshot.lookups.Snapshot` over the file. `refresh` at the start of each batch; one thread.

    What was looked up is kept, decoded, until the generation moves or there is too much of it. FormatError where the
    file is in another format and the config database could not be compiled anew over it.
    """

    def __init__(self, file: SnapshotFile) -> None:
        self._environment = file.environment
        self._trees = file.trees
        self._begin()
        self._renew()

    @property
    def generation(self) -> int:
        return self._generation

    def refresh(self) -> None:
        """Go on with the newest generation."""
        self._txn.abort()
        self._begin()
        if self._txn.id() != self._seen:
            self._renew()

    def close(self) -> None:
        """Give the read transaction back; the snapshot is of no more use."""
        self._txn.abort()

    def only_tenant(self) -> str:
        return self._only_tenant

    def gateway(self, address: str, protocol: str) -> Gateway | None:
        key = (address, protocol)
        if key not in self._gateways:
            raw = longest_block(self._txn, gateway_table(protocol), address)
            _keep(self._gateways, key, None if raw is None else _GATEWAY.decode(raw))
        return self._gateways[key]

    def account_by_name(self, name: str) -> Account | None:
        return self._account(text_key(ACCOUNT_NAME, name))

    def account_by_ani(self, ani: str) -> Account | None:
        return self._account(text_key(ACCOUNT_ANI, ani))

    def account_by_address(self, address: str) -> Account | None:
        key = text_key(ACCOUNT_BLOCK, address)
        if key not in self._accounts:
            _keep(self._accounts, key, self._entry(longest_block(self._txn, ACCOUNT_BLOCK, address)))
        return self._accounts[key]

    def profile(self, tenant: str, category: str, service: str, subject: str) -> Profile | None:
        """The subject's profile for the service.

        The category `call` prices voice, `data` data, `sms` messages; an account's category of another
        service stands for the plain one (`category_for`).
        """
        key = (tenant, category, service, subject)
        if key not in self._profiles:
            head = text_key(PROFILE, tenant, service, category_for(category, Service(service)), "")
            raw = _get(self._txn, head + subject.encode("utf-8", "surrogatepass"))
            if raw is None and tenant in self._subject_prefixes:
                raw = next((value for _, value in heads(self._txn.cursor(), head, subject, KEY_MAX)), None)
            _keep(self._profiles, key, None if raw is None else _PROFILE.decode(raw))
        return self._profiles[key]

    def has_plan(self, plan: str) -> bool:
        return _get(self._txn, text_key(PLAN, plan)) is not None

    def rates(self, plan: str, digits: str) -> Iterator[PrefixRates]:
        head = self._destinations_of(plan)
        if not head:
            return
        for prefix, priced in heads(self._prefixes, head, digits, KEY_MAX):
            yield PrefixRates(prefix, self._destinations(plan, priced))
        if anywhere := self._anywhere(plan, head):
            yield PrefixRates("", anywhere)

    def destinations(self, plan: str, digits: str) -> list[tuple[str, tuple[str, ...]]]:
        key = (plan, digits)
        if key not in self._tags:
            head = self._destinations_of(plan)
            found = heads(self._prefixes, head, digits, KEY_MAX) if head else ()
            tags = [(prefix, tuple([tag for tag, _ in _PRICED.decode(priced)])) for prefix, priced in found]
            _keep(self._tags, key, tags)
        return self._tags[key]

    def carriers(self, digits: str) -> list[CarrierRate]:
        if digits not in self._carriers:
            best: dict[str, CarrierRate] = {}
            for _, raw in heads(self._txn.cursor(), CARRIER, digits, KEY_MAX):
                for rate in _CARRIERS.decode(raw):
                    best.setdefault(rate.carrier, rate)
            _keep(self._carriers, digits, list(best.values()))
        return self._carriers[digits]

    def unit(self, name: str) -> Unit | None:
        return self._units.get(name)

    def balance_type(self, name: str) -> BalanceType | None:
        return self._balance_types.get(name)

    def rules(self, tenant: str) -> Rules:
        return self._kept(self._rules, _RULES, text_key(RULES, tenant)) or DEFAULT_RULES

    def product(self, tenant: str, name: str) -> Product | None:
        return self._kept(self._products, _PRODUCT, text_key(PRODUCT, tenant, name))

    def batch(self, tenant: str, name: str) -> Batch | None:
        return self._kept(self._batches, _BATCH, text_key(BATCH, tenant, name))

    def cascade(self, tenant: str, name: str) -> Cascade | None:
        return self._kept(self._cascades, _CASCADE, text_key(CASCADE, tenant, name))

    def named_event(self, tenant: str, event_class: str, name: str) -> NamedEvent | None:
        return self._kept(self._events, _EVENT, text_key(EVENT, tenant, event_class, name))

    def strategy(self, tenant: str, group: str, wallet: str) -> Strategy:
        keys = [text_key(SHARING, tenant, group, member) for member in (wallet, EVERYONE)]
        own, everyone = (self._kept(self._strategies, _STRATEGY, key) for key in keys)
        return own or everyone or DEFAULT_STRATEGY

    def _begin(self) -> None:
        """A cursor goes with its transaction. One serves all walks, for each of their steps seeks anew."""
        self._txn = self._environment.begin()
        self._prefixes = self._txn.cursor(self._trees[DESTINATION])

    def _renew(self) -> None:
        self._seen = self._txn.id()
        meta = _meta(self._txn)
        if meta.format != FORMAT:
            path = self._environment.path()
            raise FormatError(f"{path}: the snapshot has format {meta.format}, this release reads {FORMAT}")
        self._generation = meta.generation
        self._gateways: dict[tuple[str, str], Gateway | None] = {}
        self._accounts: dict[bytes, Account | None] = {}
        self._profiles: dict[tuple[str, str, str, str], Profile | None] = {}
        self._plans: dict[str, bytes] = {}
        self._sheet_heads: dict[str, bytes] = {}
        self._sheets: dict[bytes, tuple[Interval, ...]] = {}
        self._everywhere: dict[str, Destinations] = {}
        self._carriers: dict[str, list[CarrierRate]] = {}
        self._tags: dict[tuple[str, str], list[tuple[str, tuple[str, ...]]]] = {}
        self._rules: dict[bytes, Rules | None] = {}
        self._products: dict[bytes, Product | None] = {}
        self._batches: dict[bytes, Batch | None] = {}
        self._cascades: dict[bytes, Cascade | None] = {}
        self._strategies: dict[bytes, Strategy | None] = {}
        self._events: dict[bytes, NamedEvent | None] = {}
        units = [_UNIT.decode(raw) for _, raw in _rows(self._txn, UNIT)]
        self._units = {unit.name: unit for unit in units}
        kinds = [_BALANCE_TYPE.decode(raw) for _, raw in _rows(self._txn, BALANCE_TYPE)]
        self._balance_types = {kind.name: kind for kind in kinds}
        tenants = {key[1:].decode(): value for key, value in _rows(self._txn, TENANT)}
        self._only_tenant = next(iter(tenants)) if len(tenants) == 1 else ""
        self._subject_prefixes = {name for name, value in tenants.items() if _TENANT.decode(value).subject_prefixes}

    def _kept(self, cache: dict[bytes, T | None], decoder: msgspec.msgpack.Decoder[T], key: bytes) -> T | None:
        if key not in cache:
            raw = _get(self._txn, key)
            _keep(cache, key, None if raw is None else decoder.decode(raw))
        return cache[key]

    def _account(self, key: bytes) -> Account | None:
        if key not in self._accounts:
            _keep(self._accounts, key, self._entry(_get(self._txn, key)))
        return self._accounts[key]

    def _entry(self, number: bytes | None) -> Account | None:
        raw = None if number is None else self._txn.get(ACCOUNT + number)
        return None if raw is None else _ACCOUNT_ENTRY.decode(raw).account

    def _destinations_of(self, plan: str) -> bytes:
        """What the keys of the destinations begin with that the plan may price: those of its own import. Empty: there
        is no such plan."""
        head = self._plans.get(plan)
        if head is None:
            owner = _get(self._txn, text_key(PLAN, plan))
            head = DESTINATION + owner + b"\0" if owner else b""
            _keep(self._plans, plan, head)
        return head

    def _anywhere(self, plan: str, head: bytes) -> Destinations:
        """What the plan has for its import's destination `*any`."""
        held = self._everywhere.get(plan)
        if held is None:
            raw = _get(self._txn, DESTINATION + b"\0" + head[1:-1], self._trees[DESTINATION])
            held = self._destinations(plan, raw) if raw else ()
            _keep(self._everywhere, plan, held)
        return held

    def _destinations(self, plan: str, priced: bytes) -> Destinations:
        """Those that the plan prices, each with what it has for its sheet."""
        head = self._sheet_heads.get(plan)
        if head is None:
            head = sheet_key(plan, b"")
            _keep(self._sheet_heads, plan, head)
        found: list[tuple[str, tuple[Interval, ...]]] = []
        for destination, sheet in _PRICED.decode(priced):
            key = head + sheet
            held = self._sheets.get(key)
            if held is None:
                raw = _get(self._txn, key, self._trees[RATES]) if sheet else None
                held = () if raw is None else _INTERVALS.decode(raw)
                _keep(self._sheets, key, held)
            if held:
                found.append((destination, held))
        return tuple(found)


_ACCOUNT_ENTRY: Final = msgspec.msgpack.Decoder(AccountEntry)
_GATEWAY: Final = msgspec.msgpack.Decoder(Gateway)
_PROFILE: Final = msgspec.msgpack.Decoder(Profile)
_INTERVALS: Final = msgspec.msgpack.Decoder(tuple[Interval, ...])
_PRICED: Final = msgspec.msgpack.Decoder(Priced)
_TENANT: Final = msgspec.msgpack.Decoder(Tenant)
_CARRIERS: Final = msgspec.msgpack.Decoder(list[CarrierRate])
_UNIT: Final = msgspec.msgpack.Decoder(Unit)
_BALANCE_TYPE: Final = msgspec.msgpack.Decoder(BalanceType)
_RULES: Final = msgspec.msgpack.Decoder(Rules)
_PRODUCT: Final = msgspec.msgpack.Decoder(Product)
_BATCH: Final = msgspec.msgpack.Decoder(Batch)
_CASCADE: Final = msgspec.msgpack.Decoder(Cascade)
_STRATEGY: Final = msgspec.msgpack.Decoder(Strategy)
_EVENT: Final = msgspec.msgpack.Decoder(NamedEvent)


def _keep(cache: dict[K, T], key: K, value: T) -> None:
    if len(cache) >= CACHE_MAX:
        cache.clear()
    cache[key] = value


def _get(txn: lmdb.Transaction, key: bytes, tree: Tree | None = None) -> bytes | None:
    """The value; none for a key longer than any that is stored (it came from a peer)."""
    raw = txn.get(key, db=tree) if len(key) <= KEY_MAX else None
    return None if raw is None else bytes(raw)


def _meta(txn: lmdb.Transaction) -> _Meta:
    """The file's own row; of another format only that and the generation count, so that it still grows."""
    raw = txn.get(_META)
    if raw is None:
        return _Meta(FORMAT, 0, Origin())
    held = msgspec.msgpack.decode(raw)
    return msgspec.convert(held, _Meta) if held[0] == FORMAT else _Meta(held[0], held[1], Origin())


def _rows(txn: lmdb.Transaction, table: bytes, tree: Tree | None = None) -> Iterator[tuple[bytes, bytes]]:
    """The rows of a table, in the order of their keys."""
    cursor = txn.cursor(tree)
    if cursor.set_range(table):
        for raw_key, value in cursor:
            key = bytes(raw_key)
            if not key.startswith(table):
                return
            yield key, bytes(value)


def _clear(txn: lmdb.Transaction, trees: Iterable[Tree]) -> None:
    """Empty the file, whatever another release wrote into it; the trees' own rows stay."""
    for tree in trees:
        txn.drop(tree, delete=False)
    cursor = txn.cursor()
    more = cursor.first()
    while more:
        more = cursor.next() if bytes(cursor.key()) in TREES.values() else cursor.delete()


def _apply(txn: lmdb.Transaction, tree: Tree | None, edit: Edit) -> bool:
    """Write what differs; whether anything did."""
    wanted = {key: value for key, value in edit.rows.items() if value is not None}
    held: dict[bytes, bytes | None] = (
        dict(_rows(txn, edit.table, tree)) if edit.whole else {key: _get(txn, key, tree) for key in edit.rows}
    )
    gone = [key for key, value in held.items() if value is not None and key not in wanted]
    changed = [(key, value) for key, value in sorted(wanted.items()) if held.get(key) != value]
    if tree is not None and edit.whole and 2 * len(changed) > len(wanted):
        txn.drop(tree, delete=False)
        txn.cursor(tree).putmulti(sorted(wanted.items()), append=True)
        return True
    for key in gone:
        txn.delete(key, db=tree)
    txn.cursor(tree).putmulti(changed)
    return bool(gone or changed)
