"""Was anything sent before it was durable? A pure function over what strace wrote.

Needs `strace -f -y` (`-yy` to tell sockets by their addresses) of the `CALLS`: `-y` names paths. A journal
write is a `pwrite64` into `journal/*.log`; a send is any write into a socket. A call that another thread's call
interrupts comes in two lines, `<unfinished ...>` and `<... resumed>`: a sync covers the writes that had ended before it
began, a send must find every write that ended before it began covered by a sync that had ended too.
A send on a socket that was read before is an answer; one that moved money must also come after a journal write that
began after that reading, or it was sent before anything was written at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

CALLS = "trace=pwrite64,fdatasync,sendto,sendmsg,sendmmsg,write,writev,recvfrom,recvmsg,recvmmsg"
_BEGIN = re.compile(r"^(?:\[pid\s+)?(\d+)?\]?\s*(?:[\d:.]+ )?(\w+)\((\d+)<((?:->|[^>])*)>")
_RESUMED = re.compile(r"^(?:\[pid\s+)?(\d+)?\]?\s*(?:[\d:.]+ )?<\.\.\. (\w+) resumed>")
_FAILED = re.compile(r"= -1 ")
_NOTHING = re.compile(r"= (?:-1 |0$)")
_SENDS = frozenset({"sendto", "sendmsg", "sendmmsg", "write", "writev"})
_RECEIVES = frozenset({"recvfrom", "recvmsg", "recvmmsg"})


@dataclass(frozen=True)
class Answer:
    """A send on a socket that was read before. `recorded`: a journal write that began after the reading is durable."""

    socket: str
    recorded: bool


@dataclass
class Order:
    """What the trace shows. `early` = the lines that sent something while a journal write was not yet durable."""

    writes: int = 0
    syncs: int = 0
    sends: int = 0
    early: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


def sync_order(trace: str) -> Order:
    """Read a whole trace."""
    order = Order()
    dirty: dict[str, int] = {}
    running: dict[str, tuple[str, str, int]] = {}
    asked: dict[str, int] = {}
    clock = written = 0
    for line in trace.splitlines():
        clock += 1
        begun, resumed = _BEGIN.match(line), _RESUMED.match(line)
        if begun:
            thread, call, path = begun[1] or "", begun[2], begun[4]
            if call in _SENDS and _is_socket(path):
                order.sends += 1
                if dirty:
                    order.early.append(line)
                if path in asked:
                    order.answers.append(Answer(path, not dirty and written > asked[path]))
            running[thread] = (call, path, clock)
        elif not resumed:
            continue
        else:
            thread = resumed[1] or ""
        if "<unfinished ...>" in line or thread not in running:
            continue
        call, path, since = running.pop(thread)
        if call in _RECEIVES and not _NOTHING.search(line):
            asked[path] = clock
        if not _is_journal(path) or _FAILED.search(line):
            continue
        if call == "pwrite64":
            order.writes += 1
            dirty[path] = clock
            written = since
        elif call == "fdatasync":
            order.syncs += 1
            if dirty.get(path, since) < since:
                del dirty[path]
    return order


def _is_journal(path: str) -> bool:
    return "/journal/" in path and path.endswith(".log")


def _is_socket(path: str) -> bool:
    return path.startswith(("socket:", "UDP:", "TCP:", "UDPv6:", "TCPv6:", "UNIX"))
