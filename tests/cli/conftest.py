"""One running demo for each page of tests; a test uses wallets of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.cli.terminal import Desk, demo_desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with demo_desk(tmp_path_factory.mktemp("cli")) as running:
        yield running
