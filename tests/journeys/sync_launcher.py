"""`tollhouse` on a disk that promises durability and does nothing: every fdatasync returns at once."""

from __future__ import annotations

import sys

from tollhouse.main.__main__ import main
from tollhouse.store.files import OsFiles


def forget(files: OsFiles, handle: int) -> None:
    """What `OsFiles.fdatasync` is replaced by."""


if __name__ == "__main__":
    OsFiles.fdatasync = forget  # type: ignore[method-assign, assignment]
    sys.exit(main())
