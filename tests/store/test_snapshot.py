"""`config.lmdb`: one generation at a time whatever happens to its writer, and look-ups against plain loops."""

from __future__ import annotations

import random
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from tollhouse.snapshot.accounts import Account, CarrierRate, Gateway
from tollhouse.snapshot.products import Batch, Cascade, Product
from tollhouse.snapshot.rules import ReservationRules, Rules
from tollhouse.snapshot.tariff import Interval, PrefixRates, Rounding, Slot
from tollhouse.store import snapshot as tables
from tollhouse.store.errors import FormatError
from tollhouse.store.snapshot import AccountEntry, Edit, LmdbSnapshot, Origin, SnapshotFile, SnapshotWriter
from tollhouse.values.uses import Timing

PACK = msgspec.msgpack.encode
UNITS = 200


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SnapshotFile]:
    one = SnapshotFile(tmp_path / "config.lmdb")
    yield one
    one.close()


def units(decimals: int, count: int = UNITS) -> Edit:
    """Units U0.. that all have so many decimals."""
    rows = {tables.text_key(tables.UNIT, f"U{n}"): PACK((f"U{n}", decimals)) for n in range(count)}
    return Edit(tables.UNIT, rows, True)


def decimals(reader: LmdbSnapshot) -> set[int]:
    """What the units have: one number, where they are of one generation."""
    found = [reader.unit(f"U{n}") for n in range(UNITS)]
    assert None not in found
    return {unit.decimals for unit in found if unit is not None}


def carriers_edit(prefixes: dict[str, list[CarrierRate]], whole: bool = True) -> Edit:
    rows = {tables.text_key(tables.CARRIER, prefix): PACK(rates) for prefix, rates in prefixes.items()}
    return Edit(tables.CARRIER, rows, whole)


def test_the_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    """Secrets lie in it in the clear."""
    SnapshotFile(tmp_path / "config.lmdb").close()
    assert stat.S_IMODE((tmp_path / "config.lmdb").stat().st_mode) == 0o600
    (tmp_path / "config.lmdb").chmod(0o644)
    SnapshotFile(tmp_path / "config.lmdb").close()
    assert stat.S_IMODE((tmp_path / "config.lmdb").stat().st_mode) == 0o600


def test_an_empty_file_holds_nothing(file: SnapshotFile) -> None:
    reader = LmdbSnapshot(file)
    assert (reader.generation, reader.only_tenant(), SnapshotWriter(file).origin()) == (0, "", Origin())
    assert reader.account_by_name("1001") is None
    assert reader.account_by_address("192.0.2.1") is None
    assert reader.gateway("192.0.2.1", "radius") is None
    assert (list(reader.rates("p", "44")), reader.carriers("44")) == ([], [])
    assert (reader.product("t", "p"), reader.batch("t", "b"), reader.cascade("t", "c")) == (None, None, None)
    assert (reader.rules("t"), reader.destinations("p", "44")) == (Rules(), [])
    reader.close()


def test_publishing_moves_the_generation_only_where_a_row_does(file: SnapshotFile) -> None:
    writer = SnapshotWriter(file)
    assert writer.publish([units(2)], Origin("a", 1)) == 1
    assert writer.publish([units(2)], Origin("a", 2)) == 1
    assert writer.origin() == Origin("a", 2)
    assert writer.publish([units(3)], Origin("a", 3)) == 2
    assert writer.publish([Edit(tables.UNIT, {tables.text_key(tables.UNIT, "none"): None}, False)], Origin("a", 4)) == 2
    assert writer.publish([Edit(tables.UNIT, {tables.text_key(tables.UNIT, "U7"): None}, False)], Origin("a", 5)) == 3


def test_a_whole_edit_takes_away_what_it_does_not_name_and_nothing_of_other_tables(file: SnapshotFile) -> None:
    writer = SnapshotWriter(file)
    rate = CarrierRate("x", "x.invalid", 0, "", 1, 0)
    writer.publish([units(2), carriers_edit({"44": [rate], "49": [rate]})], Origin("a", 1))
    writer.publish([carriers_edit({"49": [rate]})], Origin("a", 2))
    reader = LmdbSnapshot(file)
    assert (reader.carriers("44"), reader.carriers("49")) == ([], [rate])
    assert decimals(reader) == {2}
    reader.close()


def test_a_reader_sees_its_generation_until_it_refreshes(file: SnapshotFile) -> None:
    """Also what it had not looked up before the writer went on."""
    writer = SnapshotWriter(file)
    before, after = CarrierRate("x", "old.invalid", 0, "", 1, 0), CarrierRate("x", "new.invalid", 0, "", 1, 0)
    writer.publish([units(2), carriers_edit({"44": [before], "49": [before]})], Origin("a", 1))
    reader = LmdbSnapshot(file)
    assert reader.carriers("44") == [before]
    writer.publish([units(3), carriers_edit({"44": [after], "49": [after]})], Origin("a", 2))
    assert (reader.carriers("44"), reader.carriers("49"), reader.generation) == ([before], [before], 1)
    assert decimals(reader) == {2}
    reader.refresh()
    assert (reader.carriers("44"), reader.carriers("49"), reader.generation) == ([after], [after], 2)
    assert decimals(reader) == {3}
    reader.close()


def test_a_reader_beside_a_busy_writer_sees_one_generation_only(file: SnapshotFile) -> None:
    writer = SnapshotWriter(file)

    def prefixes(host: int) -> Edit:
        return carriers_edit({str(n): [CarrierRate("x", str(host), 0, "", 1, 0)] for n in range(100, 200)})

    writer.publish([units(0), prefixes(0)], Origin("a", 0))

    def write() -> None:
        for number in range(1, 151):
            writer.publish([units(number % 13), prefixes(number)], Origin("a", number))

    thread = Thread(target=write)
    reader = LmdbSnapshot(file)
    thread.start()
    last, seen = 0, set()
    while last < 151:
        reader.refresh()
        assert reader.generation >= last
        last = reader.generation
        hosts = {reader.carriers(str(n))[0].host for n in range(100, 200)}
        assert hosts == {str(last - 1)}
        assert decimals(reader) == {(last - 1) % 13}
        seen.add(last)
        if not thread.is_alive() and last < 151:
            reader.refresh()
            assert reader.generation == 151
    thread.join()
    assert len(seen) > 1
    reader.close()


KILLED = """
import os, signal, sys
from collections.abc import Mapping
from pathlib import Path
from tests.store.test_snapshot import units
from tollhouse.store import snapshot as tables
from tollhouse.store.snapshot import Edit, Origin, SnapshotFile, SnapshotWriter

class Deadly(Mapping):
    '''Rows of a second table, at the nth use of which the process is gone: the first table is written by then.'''

    def __init__(self, left):
        self.rows = {tables.text_key(tables.BALANCE_TYPE, str(n)): b"x" * 5000 for n in range(300)}
        self.left = left

    def _used(self):
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def __getitem__(self, key):
        self._used()
        return self.rows[key]

    def __iter__(self):
        for key in self.rows:
            self._used()
            yield key

    def __len__(self):
        return len(self.rows)

writer = SnapshotWriter(SnapshotFile(Path(sys.argv[1])))
writer.publish([units(5), Edit(tables.BALANCE_TYPE, Deadly(int(sys.argv[2])), True)], Origin("a", 2))
print("not killed")
"""


@pytest.mark.parametrize("uses", [0, 1, 150, 299, 300, 599])
def test_a_writer_killed_in_the_middle_leaves_the_generation_before(
    file: SnapshotFile, tmp_path: Path, uses: int
) -> None:
    SnapshotWriter(file).publish([units(2)], Origin("a", 1))
    command = [sys.executable, "-c", KILLED, str(tmp_path / "config.lmdb"), str(uses)]
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, timeout=90, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    reader = LmdbSnapshot(file)
    assert (reader.generation, decimals(reader)) == (1, {2})
    assert SnapshotWriter(file).origin() == Origin("a", 1)
    # ... and the next writer goes on from there: the dead one's lock is nobody's.
    assert SnapshotWriter(file).publish([units(7)], Origin("a", 3)) == 2
    reader.refresh()
    assert decimals(reader) == {7}
    reader.close()


def test_a_publication_that_breaks_leaves_the_generation_before(file: SnapshotFile) -> None:
    writer = SnapshotWriter(file)
    writer.publish([units(2)], Origin("a", 1))
    with pytest.raises(TypeError):
        writer.publish([units(3), Edit(tables.UNIT, {b"unumber": 7}, False)], Origin("a", 2))  # type: ignore[dict-item]
    reader = LmdbSnapshot(file)
    assert (reader.generation, decimals(reader), writer.origin()) == (1, {2}, Origin("a", 1))
    reader.close()


def another_format(file: SnapshotFile, number: int) -> None:
    """As another release would leave it: its own number at the file's own row, rows that we don't know."""
    with file.environment.begin(write=True) as txn:
        txn.put(b"!", PACK((number, 41, ("a", 7, "more"), "and more")))
        txn.put(b"zz", b"\xff\xff")
        txn.put(tables.account_key(1), b"\xff")


@pytest.mark.parametrize("number", [0, tables.FORMAT + 1])
def test_another_format_is_not_read_and_is_made_anew(file: SnapshotFile, number: int) -> None:
    writer = SnapshotWriter(file)
    writer.publish([units(2)], Origin("a", 7))
    another_format(file, number)
    with pytest.raises(
        FormatError, match=rf"config\.lmdb: the snapshot has format {number}, this release reads {tables.FORMAT}"
    ):
        LmdbSnapshot(file)
    assert writer.origin() == Origin()
    assert writer.account_entry(1) is None
    assert writer.publish([units(3)], Origin("a", 7)) == 42
    with file.environment.begin() as txn:
        assert {bytes(key)[:1] for key, _ in txn.cursor()} == {b"!", tables.UNIT}
    reader = LmdbSnapshot(file)
    assert (reader.generation, decimals(reader)) == (42, {3})
    reader.close()


def digits(rng: random.Random, low: int, high: int) -> str:
    """Of few different digits, so that numbers share long beginnings."""
    return "".join(rng.choices("0159", k=rng.randint(low, high)))


@pytest.mark.parametrize("seed", range(4))
def test_longest_prefix_against_a_dict(file: SnapshotFile, seed: int) -> None:
    rng = random.Random(seed)
    destinations: dict[str, list[str]] = {}
    carriers: dict[str, list[CarrierRate]] = {}
    for _ in range(1500):
        destinations.setdefault(digits(rng, 1, 9), []).append(f"D{rng.randrange(40)}")
        rate = CarrierRate(f"c{rng.randrange(6)}", "h", 0, "", rng.randrange(99), 0)
        held = carriers.setdefault(digits(rng, 0, 8), [])
        if rate.carrier not in [one.carrier for one in held]:
            held.append(rate)
    destinations = {prefix: sorted(set(names)) for prefix, names in destinations.items()}
    slot = Slot(0, 0, 1, 2, 60_000_000, 1_000_000)
    priced = {f"D{n}": Interval(Timing(), 10, (slot,), Rounding.UP, 4, f"R{n % 7}") for n in range(0, 40, 3)}
    anywhere = Interval(Timing(), 10, (slot,), Rounding.UP, 4, "R")
    sheets = {name: tables.sheet_name(name.encode()) for name in (*priced, "*any")}
    rows = {
        tables.text_key(tables.DESTINATION, "p", prefix): PACK([(one, sheets.get(one, b"")) for one in names])
        for prefix, names in destinations.items()
    }
    rows[tables.anywhere_key("p")] = PACK([("*any", sheets["*any"])])
    packed = {tables.sheet_key("p/RP", sheets[name]): PACK([one]) for name, one in {**priced, "*any": anywhere}.items()}
    owner = {tables.text_key(tables.PLAN, "p/RP"): b"p", tables.text_key(tables.PLAN, "other/RP"): b"other"}
    SnapshotWriter(file).publish(
        [
            Edit(tables.PLAN, owner, True),
            Edit(tables.DESTINATION, rows, True),
            Edit(tables.RATES, packed, True),
            carriers_edit(carriers),
        ],
        Origin("a", 1),
    )
    reader = LmdbSnapshot(file)
    for number in ["", *destinations, *(digits(rng, 1, 14) for _ in range(3000)), "+", "9" * 600, "5\0", "é1"]:
        beginnings = [number[:length] for length in range(len(number), -1, -1)]
        known = [prefix for prefix in beginnings if prefix in destinations]
        rates = [
            PrefixRates(prefix, tuple([(name, (priced[name],)) for name in destinations[prefix] if name in priced]))
            for prefix in known
        ]
        assert list(reader.rates("p/RP", number)) == [*rates, PrefixRates("", (("*any", (anywhere,)),))], number
        assert list(reader.rates("other/RP", number)) == []
        assert reader.destinations("p/RP", number) == [(prefix, tuple(destinations[prefix])) for prefix in known]
        assert reader.destinations("other/RP", number) == []
        best: dict[str, CarrierRate] = {}
        for prefix in beginnings:
            for rate in carriers.get(prefix, ()):
                best.setdefault(rate.carrier, rate)
        assert {one.carrier: one for one in reader.carriers(number)} == best, number
    reader.close()


def account_edits(blocks: dict[str, int]) -> list[Edit]:
    """Accounts A0.. with these blocks."""
    accounts = {}
    for number in set(blocks.values()):
        account = Account(f"A{number}", "t", "", "w", "s", "call", b"", "", True)
        entry = AccountEntry(account, "", tuple([cidr for cidr, owner in blocks.items() if owner == number]))
        accounts[tables.account_key(number)] = PACK(entry)
    keys = {
        tables.block_key(tables.ACCOUNT_BLOCK, ip_network(cidr)): number.to_bytes(8, "big")
        for cidr, number in blocks.items()
    }
    return [Edit(tables.ACCOUNT, accounts, True), Edit(tables.ACCOUNT_BLOCK, keys, True)]


@pytest.mark.parametrize("seed", range(4))
def test_longest_block_against_a_loop(file: SnapshotFile, seed: int) -> None:
    rng = random.Random(seed)
    blocks: dict[str, int] = {}

    def address(version: int) -> IPv4Address | IPv6Address:
        """Of few different octets, so that blocks lie in each other."""
        octets = bytes(rng.choices((0, 1, 128, 255), k=4 if version == 4 else 16))
        return IPv4Address(octets) if version == 4 else IPv6Address(octets)

    for number in range(400):
        version = rng.choice((4, 6))
        length = rng.randint(0, 32 if version == 4 else 128)
        blocks[str(ip_network((address(version), length), strict=False))] = number + 1
    SnapshotWriter(file).publish(account_edits(blocks), Origin("a", 1))
    reader = LmdbSnapshot(file)
    networks = [(ip_network(cidr), number) for cidr, number in blocks.items()]
    for _ in range(1500):
        host = address(rng.choice((4, 6)))
        fitting = [(one.prefixlen, number) for one, number in networks if one.version == host.version and host in one]
        expected = f"A{max(fitting)[1]}" if fitting else ""
        found = [reader.account_by_address(str(host))]
        if host.version == 4:
            found.append(reader.account_by_address(f"::ffff:{host}"))  # as a socket of both families names it
        assert [account.name if account else "" for account in found] == [expected] * len(found), host
    assert reader.account_by_address("no address") is None
    reader.close()


def test_a_gateway_is_looked_up_among_those_that_speak_the_protocol(file: SnapshotFile) -> None:
    def gateway(name: str, cidr: str, *protocols: str) -> tuple[Gateway, str]:
        return Gateway(name, "t", cidr, b"s", b"", protocols, False), cidr

    rows: dict[bytes, bytes | None] = {}
    for one, cidr in (
        gateway("wide", "192.0.0.0/8", "radius", "sip"),
        gateway("near", "192.0.2.0/24", "sip"),
        gateway("six", "2001:db8::/32", "radius"),
    ):
        for protocol in one.protocols:
            rows[tables.block_key(tables.gateway_table(protocol), ip_network(cidr))] = PACK(one)
    SnapshotWriter(file).publish([Edit(tables.GATEWAY, rows, True)], Origin("a", 1))
    reader = LmdbSnapshot(file)
    found = {}
    for address in ("192.0.2.1", "192.1.0.1", "193.0.0.1", "2001:db8::1"):
        assert ip_address(address)
        for protocol in ("radius", "sip", "diameter"):
            held = reader.gateway(address, protocol)
            found[address, protocol] = held.name if held else ""
    assert {place: name for place, name in found.items() if name} == {
        ("192.0.2.1", "radius"): "wide",
        ("192.0.2.1", "sip"): "near",
        ("192.1.0.1", "radius"): "wide",
        ("192.1.0.1", "sip"): "wide",
        ("2001:db8::1", "radius"): "six",
    }
    reader.close()


def test_what_is_sold_is_kept_until_the_generation_moves(file: SnapshotFile) -> None:
    """By tenant and name; a name that was not there is looked for again as well."""

    def sold(longest: int, *kinds: str) -> list[Edit]:
        rules = Rules(reservation=ReservationRules(longest_seconds=longest))
        return [
            Edit(tables.RULES, {tables.text_key(tables.RULES, "t"): PACK(rules)}, True),
            Edit(tables.CASCADE, {tables.text_key(tables.CASCADE, "t", "c"): PACK(Cascade("c", kinds))}, True),
            Edit(
                tables.PRODUCT, {tables.text_key(tables.PRODUCT, "t", one): PACK(Product(one)) for one in kinds}, True
            ),
            Edit(tables.BATCH, {tables.text_key(tables.BATCH, "t", "b"): PACK(Batch("b", kinds[0]))}, True),
        ]

    writer = SnapshotWriter(file)
    writer.publish(sold(60, "a"), Origin("a", 1))
    reader = LmdbSnapshot(file)

    def found() -> tuple[object, ...]:
        held = reader.cascade("t", "c"), reader.batch("t", "b"), reader.product("t", "a"), reader.product("t", "z")
        return reader.rules("t").reservation.longest_seconds, reader.rules("u"), *held

    before = (60, Rules(), Cascade("c", ("a",)), Batch("b", "a"), Product("a"), None)
    assert found() == before
    assert (reader.cascade("u", "c"), reader.batch("u", "b"), reader.product("t\0a", "")) == (None, None, None)
    writer.publish(sold(90, "z"), Origin("a", 2))
    assert found() == before
    reader.refresh()
    assert found() == (90, Rules(), Cascade("c", ("z",)), Batch("b", "z"), None, Product("z"))
    reader.close()


def test_what_a_peer_sends_may_be_longer_than_any_key(file: SnapshotFile) -> None:
    SnapshotWriter(file).publish([units(2)], Origin("a", 1))
    reader = LmdbSnapshot(file)
    long = "9" * 10_000
    assert reader.account_by_name(long) is None
    assert reader.account_by_ani(long) is None
    assert reader.profile(long, long, "voice", long) is None
    assert (list(reader.rates(long, long)), reader.carriers(long)) == ([], [])
    assert (reader.product(long, long), reader.batch(long, long), reader.cascade(long, long)) == (None, None, None)
    assert (reader.rules(long), reader.destinations(long, long)) == (Rules(), [])
    assert reader.account_by_name("\ud800") is None
    reader.close()
