"""The compiled configuration in `config.lmdb`: one sorted table, written by one, mapped by every reader of the machine.

A key is one byte that names the table, then the rest as the functions below lay it out; a value is msgpack.

    t tenant                                    a account id (8 bytes) -> AccountEntry
    u unit                -> Unit               n user name            -> account id
    b balance type        -> BalanceType        i calling number       -> account id
    g protocol, block     -> Gateway            x block                -> account id
    p tenant, service, category, subject -> Profile
    d prefix              -> destinations that name it, by name
    r plan, destination   -> intervals          c prefix -> carriers' rates

Address blocks are family, network and length, so that both kinds of longest match, of digits and of bits, are one
walk: step to the nearest key that is not greater, and, if that is no match, try again with what it has in common.
Passwords and secrets lie here in the clear, for CHAP and RADIUS need them: the file is its owner's alone (0600).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Final, TypeVar

import lmdb
import msgspec

from tollhouse.snapshot.accounts import Account, BalanceType, CarrierRate, Gateway
from tollhouse.snapshot.categories import category_for
from tollhouse.snapshot.tariff import Interval, PrefixRates, Profile
from tollhouse.store.die import describe
from tollhouse.store.environments import MAP_SIZE, make_environment, reserve_lock
from tollhouse.store.errors import FormatError, NotPublishedError, StoreError
from tollhouse.values.commands import Service
from tollhouse.values.money import Unit

FORMAT: Final = 1
"""Of everything below. Another number: the file is made anew, it holds nothing that the config database does not."""
READERS: Final = 512
"""Processes and threads that may look something up at a time."""
KEY_MAX: Final = 500
CACHE_MAX: Final = 16_384

TENANT, UNIT, BALANCE_TYPE, GATEWAY, PROFILE = b"t", b"u", b"b", b"g", b"p"
ACCOUNT, ACCOUNT_NAME, ACCOUNT_ANI, ACCOUNT_BLOCK = b"a", b"n", b"i", b"x"
DESTINATION, RATES, CARRIER = b"d", b"r", b"c"
_META: Final = b"!"

T = TypeVar("T")


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


def account_key(number: int) -> bytes:
    """The key of the account with this row id."""
    return ACCOUNT + number.to_bytes(8, "big")


def block_key(table: bytes, block: IPv4Network | IPv6Network) -> bytes:
    """The key of an address block: a shorter block sorts before the longer ones in it."""
    return table + bytes((block.version,)) + block.network_address.packed + bytes((block.prefixlen,))


def gateway_table(protocol: str) -> bytes:
    """Where the blocks of the gateways lie that may speak this protocol."""
    return GATEWAY + protocol.encode() + b"\0"


class SnapshotFile:
    """`config.lmdb`, opened once a process; readers and the writer are made from it."""

    def __init__(self, path: Path) -> None:
        """Made where it is missing. Raises StoreError where it cannot be."""
        try:
            if not path.exists():
                make_environment(path)
            path.chmod(0o600)
            reserve_lock(path, READERS)
            self.environment = lmdb.open(str(path), subdir=False, map_size=MAP_SIZE, max_readers=READERS, mode=0o600)
            self.environment.reader_check()
        except (OSError, lmdb.Error) as error:
            raise StoreError(describe(f"opening {path}", error)) from error

    def close(self) -> None:
        self.environment.close()


class SnapshotWriter:
    """The one who publishes."""

    def __init__(self, file: SnapshotFile) -> None:
        self._environment = file.environment

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
                txn.drop(self._environment.open_db(txn=txn), delete=False)
            moved = sum([_apply(txn, edit) for edit in edits])
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
        self._txn = self._environment.begin()
        self._renew()

    @property
    def generation(self) -> int:
        return self._generation

    def refresh(self) -> None:
        """Go on with the newest generation."""
        self._txn.abort()
        self._txn = self._environment.begin()
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
            raw = _longest_block(self._txn, gateway_table(protocol), address)
            _keep(self._gateways, key, None if raw is None else _GATEWAY.decode(raw))
        return self._gateways[key]

    def account_by_name(self, name: str) -> Account | None:
        return self._account(text_key(ACCOUNT_NAME, name))

    def account_by_ani(self, ani: str) -> Account | None:
        return self._account(text_key(ACCOUNT_ANI, ani))

    def account_by_address(self, address: str) -> Account | None:
        key = text_key(ACCOUNT_BLOCK, address)
        if key not in self._accounts:
            _keep(self._accounts, key, self._entry(_longest_block(self._txn, ACCOUNT_BLOCK, address)))
        return self._accounts[key]

    def profile(self, tenant: str, category: str, service: str, subject: str) -> Profile | None:
        """The subject's profile for the service.

        The category `call` prices voice, `data` data, `sms` messages; an account's category of another
        service stands for the plain one (`category_for`).
        """
        key = (tenant, category, service, subject)
        if key not in self._profiles:
            raw = _get(self._txn, text_key(PROFILE, tenant, service, category_for(category, Service(service)), subject))
            _keep(self._profiles, key, None if raw is None else _PROFILE.decode(raw))
        return self._profiles[key]

    def rates(self, plan: str, digits: str) -> list[PrefixRates]:
        key = (plan, digits)
        if key not in self._rates:
            _keep(self._rates, key, list(self._walk_rates(plan, digits)))
        return self._rates[key]

    def known_destination(self, digits: str) -> str:
        return next((prefix for prefix, _ in _prefixes(self._txn, DESTINATION, digits) if prefix), "")

    def carriers(self, digits: str) -> list[CarrierRate]:
        if digits not in self._carriers:
            best: dict[str, CarrierRate] = {}
            for _, raw in _prefixes(self._txn, CARRIER, digits):
                for rate in _CARRIERS.decode(raw):
                    best.setdefault(rate.carrier, rate)
            _keep(self._carriers, digits, list(best.values()))
        return self._carriers[digits]

    def unit(self, name: str) -> Unit | None:
        return self._units.get(name)

    def balance_type(self, name: str) -> BalanceType | None:
        return self._balance_types.get(name)

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
        self._rates: dict[tuple[str, str], list[PrefixRates]] = {}
        self._intervals: dict[tuple[str, str], tuple[Interval, ...]] = {}
        self._carriers: dict[str, list[CarrierRate]] = {}
        units = [_UNIT.decode(raw) for _, raw in _rows(self._txn, UNIT)]
        self._units = {unit.name: unit for unit in units}
        kinds = [_BALANCE_TYPE.decode(raw) for _, raw in _rows(self._txn, BALANCE_TYPE)]
        self._balance_types = {kind.name: kind for kind in kinds}
        tenants = [key[1:].decode() for key, _ in _rows(self._txn, TENANT)]
        self._only_tenant = tenants[0] if len(tenants) == 1 else ""

    def _account(self, key: bytes) -> Account | None:
        if key not in self._accounts:
            _keep(self._accounts, key, self._entry(_get(self._txn, key)))
        return self._accounts[key]

    def _entry(self, number: bytes | None) -> Account | None:
        raw = None if number is None else self._txn.get(ACCOUNT + number)
        return None if raw is None else _ACCOUNT_ENTRY.decode(raw).account

    def _walk_rates(self, plan: str, digits: str) -> Iterator[PrefixRates]:
        for prefix, raw in _prefixes(self._txn, DESTINATION, digits):
            names = _NAMES.decode(raw)
            intervals = tuple([one for name in names for one in self._intervals_of(plan, name)])
            if intervals:
                yield PrefixRates(prefix, intervals)
        if anywhere := self._intervals_of(plan, ""):
            yield PrefixRates("", anywhere)

    def _intervals_of(self, plan: str, destination: str) -> tuple[Interval, ...]:
        key = (plan, destination)
        held = self._intervals.get(key)
        if held is None:
            raw = _get(self._txn, text_key(RATES, plan, destination))
            held = () if raw is None else _INTERVALS.decode(raw)
            _keep(self._intervals, key, held)
        return held


_ACCOUNT_ENTRY: Final = msgspec.msgpack.Decoder(AccountEntry)
_GATEWAY: Final = msgspec.msgpack.Decoder(Gateway)
_PROFILE: Final = msgspec.msgpack.Decoder(Profile)
_INTERVALS: Final = msgspec.msgpack.Decoder(tuple[Interval, ...])
_NAMES: Final = msgspec.msgpack.Decoder(list[str])
_CARRIERS: Final = msgspec.msgpack.Decoder(list[CarrierRate])
_UNIT: Final = msgspec.msgpack.Decoder(Unit)
_BALANCE_TYPE: Final = msgspec.msgpack.Decoder(BalanceType)

K = TypeVar("K")


def _keep(cache: dict[K, T], key: K, value: T) -> None:
    if len(cache) >= CACHE_MAX:
        cache.clear()
    cache[key] = value


def _get(txn: lmdb.Transaction, key: bytes) -> bytes | None:
    """The value; none for a key longer than any that is stored (it came from a peer)."""
    raw = txn.get(key) if len(key) <= KEY_MAX else None
    return None if raw is None else bytes(raw)


def _meta(txn: lmdb.Transaction) -> _Meta:
    """The file's own row; of another format only that and the generation count, so that it still grows."""
    raw = txn.get(_META)
    if raw is None:
        return _Meta(FORMAT, 0, Origin())
    held = msgspec.msgpack.decode(raw)
    return msgspec.convert(held, _Meta) if held[0] == FORMAT else _Meta(held[0], held[1], Origin())


def _rows(txn: lmdb.Transaction, table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The rows of a table, in the order of their keys."""
    cursor = txn.cursor()
    if cursor.set_range(table):
        for raw_key, value in cursor:
            key = bytes(raw_key)
            if not key.startswith(table):
                return
            yield key, bytes(value)


def _apply(txn: lmdb.Transaction, edit: Edit) -> bool:
    """Write what differs; whether anything did."""
    rows = edit.rows
    present = (
        (key for key, _ in _rows(txn, edit.table)) if edit.whole else (key for key in rows if txn.get(key) is not None)
    )
    gone = [key for key in present if rows.get(key) is None]
    changed = [key for key, value in rows.items() if value is not None and txn.get(key) != value]
    for key in gone:
        txn.delete(key)
    for key in sorted(changed):
        value = rows[key]
        if value is not None:
            txn.put(key, value)
    return bool(gone or changed)


def _at_or_before(cursor: lmdb.Cursor, key: bytes) -> bytes:
    """Move to the greatest key that is not greater; empty if there is none."""
    if cursor.set_range(key):
        if cursor.key() == key or cursor.prev():
            return bytes(cursor.key())
        return b""
    return bytes(cursor.key()) if cursor.last() else b""


def _prefixes(txn: lmdb.Transaction, table: bytes, digits: str) -> Iterator[tuple[str, bytes]]:
    """Rows of the table whose key is a prefix of the digits, the longest first."""
    key = text_key(table, digits)[:KEY_MAX]
    cursor = txn.cursor()
    while key:
        found = _at_or_before(cursor, key)
        if key.startswith(found) and found:
            if found[:1] != table:
                return
            yield found[1:].decode(), bytes(cursor.value())
            key = found[:-1]
        else:
            common = 0
            for mine, other in zip(key, found, strict=False):
                if mine != other:
                    break
                common += 1
            key = key[:common]


def _longest_block(txn: lmdb.Transaction, table: bytes, address: str) -> bytes | None:
    """The value of the longest block in the table that holds the address; None also for what is no address."""
    host = _parse_address(address)
    if host is None:
        return None
    width: int = host.max_prefixlen
    number = int(host)
    head = table + bytes((host.version,))
    cursor, length = txn.cursor(), width
    while True:
        network = number >> (width - length) << (width - length)
        found = _at_or_before(cursor, head + network.to_bytes(width // 8, "big") + bytes((length,)))
        if not found.startswith(head):
            return None
        common = width - (int.from_bytes(found[len(head) : -1], "big") ^ number).bit_length()
        if common >= found[-1]:
            return bytes(cursor.value())
        length = common


def _parse_address(address: str) -> IPv4Address | IPv6Address | None:
    try:
        host = ip_address(address)
    except ValueError:
        return None
    return host.ipv4_mapped or host if isinstance(host, IPv6Address) else host
