"""What a call costs the engine by the wallet that pays for it, and what a million wallets cost: two tables.

    tools/bench_wallets.py [--wallets N] [--buckets N] [--runs N] [--directory DIR]

The first table: microseconds of CPU of an engine on an embedded store, journal and its system calls included, for each
command of voice calls of a minute; with one command a turn, and with 32 of 32 wallets. `call` is all three. The wallets
have 1, 5 and 50 buckets, of two balance types and each of another expiry, and serve 1 and 10 sessions at a time, the
measured call included; those of a wallet with a limit (`at most`) are counted, and share what it holds. `later` is what
the checkpoint adds to a call when it carries what the calls left into the state. `ratio`: a call, one command a turn,
and its checkpoint by those of the first row. Each run has a process of its own; medians are told.

The second table: a store of N wallets, each with one record. They are made by the store's own append and checkpoint:
one wallet is made by commands, and its image entered under N names, in no order. `own` is memory that is the process's
alone, `mapped` what it has mapped of the store's files, which the system may take back. A start is timed from opening
the store to the first answer, an authorisation: after a clean stop, after a kill -9 of a process whose journal was full
(its checkpoint due), and after one in the middle of that checkpoint, with as much again behind it. `cold`: nothing of
the store's files is in memory.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from tollhouse.cachemanager.watch import CacheManager
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.demo import load_demo
from tollhouse.engine.batch import Engine
from tollhouse.engine.book import Book, entry_of
from tollhouse.engine.policy import Policy
from tollhouse.engine.tally import Tally
from tollhouse.main.process import settle_collector
from tollhouse.records.record import enter
from tollhouse.store.die import die
from tollhouse.store.embedded import open_embedded
from tollhouse.store.interface import Entry, RecordEntry
from tollhouse.store.settings import StoreSettings
from tollhouse.store.snapshot import LmdbSnapshot, SnapshotFile, SnapshotWriter
from tollhouse.values.commands import Authorize, Caller, Command, CreateWallet, Recharge, Service, Start, Stop, Total
from tollhouse.values.instants import DAY, MINUTE, SECOND, Instant, parse_instant
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Granted, Outcome, Posted, Settled, WalletView
from tollhouse.wallet.state import ISSUE, Posting, Wallet

DEMO: Final = Path(__file__).parents[1] / "etc" / "demo"
TENANT: Final = "demo"
CALLED: Final = "4420"
CALL: Final = MINUTE
PLENTY: Final = 10**12
"""In every bucket: a million euros, so that no call is cut short."""
NOW: Final = parse_instant("2026-11-23T10:00:00Z")
TURN: Final = 32
"""Commands in a full turn, each of another wallet."""
ROUNDS: Final = 15
"""Calls of each wallet in a run, for each length of turn."""
BUCKETS: Final = (1, 5, 50)
SESSIONS: Final = ((1, 0), (10, 0), (10, 20))
"""How many are open at a time, and how many may be (0: any number)."""
COMMANDS: Final = {"authorize": Granted, "start": Granted, "stop": Settled}
BATCH: Final = 2_000
"""Wallets in one append."""
CACHED: Final = Policy().cache_entities
MOST_ROUNDS: Final = 10_000
"""Of calls that may fill a journal; some 700 do."""
STORE: Final = StoreSettings(checkpoint_age=10_000 * DAY)
"""Checkpoints are due when the journal is full, not when it is old."""
MAKING: Final = msgspec.structs.replace(STORE, slice_entries=20_000)

LEFT: Final = {"a clean stop": None, "kill -9, journal full": False, "kill -9 in a checkpoint": True}
"""How a store was left, and whether its journal was filled once more after the checkpoint's first step."""

Measured = dict[str, float]


class Case(NamedTuple):
    """A wallet of the first table: its buckets, its sessions at a time, and how many those may be (0: any number)."""

    buckets: int
    sessions: int
    limit: int


T = TypeVar("T")


class Till:
    """An engine on the store in a directory; its clock is moved by hand."""

    def __init__(self, directory: Path, snapshot: Path, settings: StoreSettings = STORE, cached: int = CACHED) -> None:
        self.store = open_embedded(directory, die, settings)
        claimed = self.store.claim()
        self._file = SnapshotFile(snapshot)
        self._snapshot = LmdbSnapshot(self._file)
        self._soon: list[Callable[[], None]] = []
        self.clock: Instant = max(NOW, claimed.engine_time)
        self.recovered = claimed.recovered_entries
        policy = Policy(cache_entities=cached, min_free_bytes=0)
        self.book = Book(self.store, self._snapshot, policy.cache_entities)
        self._engine = Engine(
            self.store, self.book, policy, Tally(), lambda: self.clock, self._soon.append, self._snapshot.refresh
        )
        self._engine.recovered(claimed)

    def ask(self, commands: Sequence[Command]) -> list[Outcome]:
        """The answers to commands of one turn."""
        got: list[Outcome] = []
        for command in commands:
            self._engine.submit(command, got.append)
        while self._soon:
            self._soon.pop(0)()
        return got

    def checkpoint(self) -> None:
        """Carry all of the journal into the state."""
        for _ in self.store.checkpoint(self.clock):
            pass

    def close(self) -> None:
        """A clean stop; the journal stays as it is."""
        self.store.close()
        self._snapshot.close()
        self._file.close()


def configure(directory: Path) -> Path:
    """The demo's configuration, compiled: accounts 000001 .. 000032, each the name of its wallet."""
    directory.mkdir()
    with ExitStack() as closing:
        database = ConfigDatabase(directory / "config.sqlite", directory / "key")
        closing.callback(database.close)
        load_demo(database, DEMO, TURN)
        file = SnapshotFile(directory / "config.lmdb")
        closing.callback(file.close)
        cache = CacheManager(database, SnapshotWriter(file), Tally())
        closing.callback(cache.close)
        assert cache.check(NOW), cache.problems[:3]
    return directory / "config.lmdb"


def fund(till: Till, names: Sequence[str], buckets: int, limit: int = 0) -> None:
    """Wallets of so many buckets of money: the first never expires, the others each on a day of their own."""
    wallets = [
        CreateWallet("bench", name, f"make-{name}", "EUR", PLENTY, tenant=TENANT, max_sessions=limit) for name in names
    ]
    made = till.ask(wallets)
    assert all(isinstance(one, WalletView) for one in made), made[:3]
    for number in range(1, buckets):
        kind, expiry = ("bonus", "cash")[number % 2], NOW + (30 + number) * DAY
        recharges = [
            Recharge("bench", name, f"put-{name}-{number}", Amount(PLENTY, "EUR"), kind, expiry=expiry)
            for name in names
        ]
        put = till.ask(recharges)
        assert all(isinstance(one, Posted) for one in put), put[:3]


def authorize(caller: Caller, call: str, begin: bool = False) -> Authorize:
    """May the call go ahead? Held is what the policy says."""
    return Authorize(caller, f"auth:{call}", (call,), Service.VOICE, CALLED, begin=begin)


def start(caller: Caller, call: str) -> Start:
    """It was answered."""
    return Start(caller, f"start:{call}", (call,), Service.VOICE, CALLED)


def stop(caller: Caller, call: str) -> Stop:
    """It has ended."""
    return Stop(caller, f"stop:{call}", (call,), Total(CALL), called=CALLED)


def call_all(till: Till, callers: Sequence[Caller], name: str, turn: int, spent: Measured) -> None:
    """A call of each caller, so many commands a turn; `spent` gains the CPU of each kind, in seconds."""
    calls = [f"{name}-{number}" for number in range(len(callers))]
    kinds: list[tuple[str, Callable[[Caller, str], Command], int]] = [
        ("authorize", authorize, SECOND),
        ("start", start, CALL),
        ("stop", stop, SECOND),
    ]
    for kind, make, later in kinds:
        commands = [make(caller, call) for caller, call in zip(callers, calls, strict=True)]
        begin = time.process_time()
        for place in range(0, len(commands), turn):
            outcomes = till.ask(commands[place : place + turn])
            assert all(isinstance(one, COMMANDS[kind]) for one in outcomes), outcomes[0]
        spent[kind] += time.process_time() - begin
        till.clock += later


def cost(directory: Path, snapshot: Path, buckets: int, sessions: int, limit: int) -> Measured:
    """Microseconds of CPU of each command with wallets of so many buckets, and of the checkpoint for each call."""
    till = Till(directory, snapshot)
    names = [f"{number:06d}" for number in range(1, TURN + 1)]
    callers = [Caller("bench", name=name) for name in names]
    fund(till, names, buckets, limit)
    for number in range(1, sessions):
        others = till.ask([authorize(caller, f"other-{number}-{caller.name}", begin=True) for caller in callers])
        assert all(isinstance(one, Granted) for one in others), others[:3]
    call_all(till, callers, "warm", TURN, dict.fromkeys(COMMANDS, 0.0))
    till.checkpoint()
    settle_collector()
    found: Measured = {}
    calls = ROUNDS * TURN
    for turn in (1, TURN):
        spent = dict.fromkeys(COMMANDS, 0.0)
        for number in range(ROUNDS):
            call_all(till, callers, f"{turn}-{number}", turn, spent)
        found |= {f"{kind}/{turn}": seconds / calls * 1e6 for kind, seconds in spent.items()}
        found[f"call/{turn}"] = sum(spent.values()) / calls * 1e6
    begin = time.process_time()
    till.checkpoint()
    found["later"] = (time.process_time() - begin) / (2 * calls) * 1e6
    till.close()
    return found


def wallet_name(number: int) -> str:
    """Nine digits, a different one for each number, in no order (the factor has no divisor in common with 10)."""
    return f"{number * 3**18 % 10**9:09d}"


def populate(directory: Path, snapshot: Path, wallets: int, buckets: int) -> Measured:
    """A store of so many wallets, all in the state."""
    begin = time.perf_counter()
    till = Till(directory, snapshot, MAKING)
    fund(till, ["like"], buckets)
    like = till.book.wallet("like")
    assert like is not None
    like = msgspec.structs.replace(like, records=0, chain=b"")
    postings = tuple(Posting(one.id, one.value, ISSUE) for one in like.buckets)
    for first in range(0, wallets, BATCH):
        entries, records = batch(till, like, postings, range(first, min(first + BATCH, wallets)))
        till.store.append(till.clock, entries, records)
        if till.store.checkpoint_due(till.clock):
            till.checkpoint()
    till.checkpoint()
    till.close()
    state = (directory / "state.lmdb").stat().st_blocks * 512
    records_size = sum(one.stat().st_blocks * 512 for one in (directory / "records").iterdir())
    return {
        "making them s": time.perf_counter() - begin,
        "state, bytes each": state / wallets,
        "records, bytes each": records_size / wallets,
    }


def batch(
    till: Till, like: Wallet, postings: tuple[Posting, ...], numbers: Sequence[int]
) -> tuple[list[Entry], list[RecordEntry]]:
    """Wallets like this one, each with a record of what was put into it."""
    entries: list[Entry] = []
    records: list[RecordEntry] = []
    for number in numbers:
        named = msgspec.structs.replace(like, name=wallet_name(number))
        wallet, record, body = enter(named, till.clock, "open", "bench", f"make-{number}", postings)
        entries.append(entry_of(wallet, till.book.snapshot))
        records.append(RecordEntry(record.wallet, record.sequence, record.at, body))
    return entries, records


def memory() -> tuple[float, float]:
    """Megabytes of this process: its own, and mapped of files."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    sizes = {line[0]: int(line[1]) / 1e3 for line in lines if line and line[0].startswith("Rss")}
    return sizes["RssAnon:"], sizes["RssFile:"]


def load(directory: Path, snapshot: Path, wallets: int) -> Measured:
    """Memory with none of the wallets loaded, with as many as are kept by default, with all."""
    till = Till(directory, snapshot, cached=wallets + 1)
    settle_collector()
    own, mapped = memory()
    found = {"own memory, none loaded, MB": own, "mapped, none loaded, MB": mapped}
    loaded, spent = 0, 0.0
    for goal in sorted({min(CACHED, wallets), wallets}):
        begin = time.process_time()
        for number in range(loaded, goal):
            assert till.book.wallet(wallet_name(number)) is not None
        spent += time.process_time() - begin
        loaded = goal
        gc.collect()
        now, mapped = memory()
        found |= {f"own memory, {goal:,} loaded, MB": now, f"mapped, {goal:,} loaded, MB": mapped}
    found["own memory, bytes each"] = (now - own) * 1e6 / wallets
    found["loading one, us"] = spent / wallets * 1e6
    till.close()
    return found


def fill(directory: Path, snapshot: Path, wallets: int, again: bool) -> None:
    """Calls until a checkpoint is due, and where `again`, as many behind its first step; then die by SIGKILL."""
    till = Till(directory, snapshot)
    rounds = 0
    while not till.store.checkpoint_due(till.clock):
        assert rounds < MOST_ROUNDS, "the journal never fills"
        fill_some(till, wallets, rounds)
        rounds += 1
    if again:
        next(till.store.checkpoint(till.clock))
        for number in range(rounds, 2 * rounds):
            fill_some(till, wallets, number)
    os.kill(os.getpid(), signal.SIGKILL)


def fill_some(till: Till, wallets: int, number: int) -> None:
    """A call of each of 32 wallets that were not heard of lately."""
    callers = [
        Caller("bench", wallet=wallet_name((number * TURN + place) % wallets), tenant=TENANT) for place in range(TURN)
    ]
    call_all(till, callers, f"fill-{till.clock}", TURN, dict.fromkeys(COMMANDS, 0.0))


def opened(directory: Path, snapshot: Path, wallets: int) -> tuple[float, int]:
    """Seconds from opening the store to the first answer, and what the journal held; then it is stopped cleanly."""
    caller = Caller("bench", wallet=wallet_name(wallets // 2), tenant=TENANT)
    begin = time.perf_counter()
    till = Till(directory, snapshot)
    (first,) = till.ask([authorize(caller, f"first-{begin}")])
    seconds = time.perf_counter() - begin
    assert isinstance(first, Granted), first
    till.checkpoint()
    till.close()
    return seconds, till.recovered


def forget(directory: Path) -> None:
    """Nothing of these files stays in the system's memory."""
    for path in directory.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def alone(act: Callable[..., T], *arguments: Any) -> T:
    """Done in a new process."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(act, *arguments).result()


def killed(act: Callable[..., None], *arguments: Any) -> None:
    """Done in a new process that kills itself at the end."""
    process = get_context("spawn").Process(target=act, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL, process.exitcode


@contextmanager
def emptied(directory: Path) -> Iterator[Path]:
    """A directory that goes afterwards."""
    directory.mkdir()
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def starts(directory: Path, snapshot: Path, wallets: int, runs: int) -> Measured:
    """Seconds of a start on this store, by how it was left."""
    found: dict[str, list[float]] = {}
    for _ in range(runs):
        for name, again in LEFT.items():
            for cold in (False, True):
                if again is not None:
                    killed(fill, directory, snapshot, wallets, again)
                if cold:
                    forget(directory)
                seconds, entries = alone(opened, directory, snapshot, wallets)
                found.setdefault(f"start after {name}{', cold' if cold else ''}, s", []).append(seconds)
                found.setdefault(f"entries in the journal after {name}", []).append(entries)
    return {name: statistics.median(times) for name, times in found.items()}


def costs(directory: Path, snapshot: Path, runs: int) -> list[tuple[Case, Measured]]:
    """The medians of each case; the cases take turns."""
    cases = [Case(buckets, *sessions) for buckets in BUCKETS for sessions in SESSIONS]
    found: list[list[Measured]] = [[] for _ in cases]
    for _ in range(runs):
        for case, held in zip(cases, found, strict=True):
            with emptied(directory / "calls") as place:
                held.append(alone(cost, place, snapshot, *case))
    medians = [{name: statistics.median(run[name] for run in held) for name in held[0]} for held in found]
    return list(zip(cases, medians, strict=True))


def table(costs_of: Sequence[tuple[Case, Measured]]) -> str:
    """A line for each case: commands one a turn, then a full turn of them."""
    columns = [f"{kind}/{turn}" for turn in (1, TURN) for kind in (*COMMANDS, "call")]
    names = [name.removesuffix("/1").replace("/", " ") for name in columns]
    lines = [
        f"{'buckets':>7}{'sessions':>9}{'at most':>8}" + "".join(f"{name:>13}" for name in (*names, "later", "ratio"))
    ]
    wholes = [measured["call/1"] + measured["later"] for _, measured in costs_of]
    for (case, measured), whole in zip(costs_of, wholes, strict=True):
        cells = "".join(f"{measured[name]:>13.0f}" for name in (*columns, "later"))
        lines.append(f"{case.buckets:>7}{case.sessions:>9}{case.limit or '':>8}{cells}{whole / wholes[0]:>13.2f}")
    return "\n".join(lines)


def machine() -> str:
    """What this was measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    return (
        f"{os.cpu_count()} cores, {', '.join(sorted(models)) or platform.machine()}, Python {platform.python_version()}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wallets", type=int, default=1_000_000, help="of the second table (default 1000000)")
    parser.add_argument("--buckets", type=int, default=2, help="of each of those wallets (default 2)")
    parser.add_argument("--runs", type=int, default=5, help="of each measure but the million's memory (default 5)")
    parser.add_argument("--directory", type=Path, help="on the disk to measure (default: a temporary directory)")
    wish = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(dir=wish.directory) as name:
        directory = Path(name)
        snapshot = alone(configure, directory / "config")
        print(f"\nCPU of a call, us\n{table(costs(directory, snapshot, wish.runs))}", flush=True)
        with emptied(directory / "many") as place:
            measured = alone(populate, place, snapshot, wish.wallets, wish.buckets)
            measured |= alone(load, place, snapshot, wish.wallets)
            measured |= starts(place, snapshot, wish.wallets, wish.runs)
    print(f"\n{wish.wallets:,} wallets of {wish.buckets} buckets")
    for measure, value in measured.items():
        print(f"{measure:<44}{value:>12.3f}" if value < 100 else f"{measure:<44}{value:>12,.0f}")


if __name__ == "__main__":
    main()
