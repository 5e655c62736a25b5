"""The rooms look down only; bytes, SQL, LMDB and Twisted stay where they belong (contracts in pyproject.toml)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINT = 'from importlinter.cli import lint_imports; exit(lint_imports(config_filename="pyproject.toml", no_cache=True))'


def test_the_rooms_keep_their_contracts() -> None:
    # A process of its own: zope.interface, loaded by the test runner, marks classes in a way that stops the linter.
    linted = subprocess.run([sys.executable, "-c", LINT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr
