"""Was anything sent before it was durable? A pure function over what strace wrote.

Needs `strace -f -y -e trace=pwrite64,fdatasync,sendto,sendmsg,write,writev`: `-y` names paths. A journal
write is a `pwrite64` into `journal/*.log`; a send is any write into a socket. A call that another thread's call
interrupts comes in two lines, `<unfinished ...>` and `<... resumed>`: a sync covers the writes that had ended before it
began, a send must find every write that ended before it began covered by a sync that had ended too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_BEGIN = re.compile(r"^(?:\[pid\s+)?(\d+)?\]?\s*(?:[\d:.]+ )?(\w+)\((\d+)<([^>]*)>")
_RESUMED = re.compile(r"^(?:\[pid\s+)?(\d+)?\]?\s*(?:[\d:.]+ )?<\.\.\. (\w+) resumed>")
_FAILED = re.compile(r"= -1 ")
_SENDS = frozenset({"sendto", "sendmsg", "sendmmsg", "write", "writev"})


@dataclass
class Order:
    """What the trace shows. `early` = the lines that sent something while a journal write was not yet durable."""

    writes: int = 0
    syncs: int = 0
    sends: int = 0
    early: list[str] = field(default_factory=list)


def sync_order(trace: str) -> Order:
    """Read a whole trace."""
    order = Order()
    dirty: dict[str, int] = {}
    running: dict[str, tuple[str, str, int]] = {}
    clock = 0
    for line in trace.splitlines():
        clock += 1
        begun, resumed = _BEGIN.match(line), _RESUMED.match(line)
        if begun:
            thread, call, path = begun[1] or "", begun[2], begun[4]
            if call in _SENDS and _is_socket(path):
                order.sends += 1
                if dirty:
                    order.early.append(line)
            running[thread] = (call, path, clock)
        elif not resumed:
            continue
        else:
            thread = resumed[1] or ""
        if "<unfinished ...>" in line or thread not in running:
            continue
        call, path, since = running.pop(thread)
        if not _is_journal(path) or _FAILED.search(line):
            continue
        if call == "pwrite64":
            order.writes += 1
            dirty[path] = clock
        elif call == "fdatasync":
            order.syncs += 1
            if dirty.get(path, since) < since:
                del dirty[path]
    return order


def _is_journal(path: str) -> bool:
    return "/journal/" in path and path.endswith(".log")


def _is_socket(path: str) -> bool:
    return path.startswith(("socket:", "UDP:", "TCP:", "UDPv6:", "TCPv6:", "UNIX"))
