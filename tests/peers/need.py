"""Programs that others wrote: where they are missing a test skips with its reason; in CI it fails instead."""

from __future__ import annotations

import os
import shutil

import pytest


def need(program: str) -> str:
    """The program's path; skips the test when it is not installed, and fails it when CI=true."""
    path = shutil.which(program)
    if path is None and os.path.isfile(f"/usr/sbin/{program}"):
        path = f"/usr/sbin/{program}"
    if path is None:
        reason = f"{program} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path
