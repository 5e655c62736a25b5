"""The end of a process in trouble: it says why and is gone at once, whatever would catch an exception."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import atexit, logging
from tollhouse.store.die import die
logging.basicConfig(filename="/dev/stdout", format="log: %(message)s")
atexit.register(print, "cleaned up")
try:
    die("disk full while testing")
finally:
    print("went on")
"""


def test_die_says_why_and_ends_without_clean_up() -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=30, check=False)
    said = "tollhouse: store trouble, the process ends: disk full while testing\n"
    assert (ended.returncode, ended.stderr, ended.stdout) == (70, said, f"log: {said}")
