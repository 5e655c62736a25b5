"""`tollhouse wallet ended` and `wallet reservations`, from a running engine and from its disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.cli.terminal import data_of, demo_desk, tollhouse

from tollhouse.cli.errors import CommandError
from tollhouse.cli.files import whole_file


def test_ended_as_a_table_as_lists_and_reservations(tmp_path: Path) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    with demo_desk(tmp_path) as desk:
        for name in ("gone1", "gone2", "stays"):
            assert desk("wallet", "create", name, "--opening", "10").status == 0
        assert len(desk("wallet", "ended").out.splitlines()) == 1
        desk("wallet", "change", "gone1", "--state", "terminated")
        desk("wallet", "remove", "gone2")
        said = desk("wallet", "ended", "--limit", "1")
        rows = [line.split() for line in said.out.splitlines()]
        assert rows[0] == ["at", "list", "due", "cause", "tenant", "wallet"]
        assert [(row[1], row[3:]) for row in rows[1:]] == [
            ("expiredWallet", ["operator", "demo", "gone1"]),
            ("removedWallet", ["removal", "demo", "gone2"]),
        ]
        written = desk("wallet", "ended", "--lists", str(lists))
        assert written.status == 0
        assert sorted(written.out.split()) == sorted(str(path) for path in lists.iterdir())
        assert [path.read_text().split("|")[1:] for path in sorted(lists.iterdir())] == [
            ["operator", "demo", "gone1\n"],
            ["removal", "demo", "gone2\n"],
        ]
        assert desk("wallet", "ended", "--lists", str(lists)).out == written.out
        assert desk("wallet", "ended", "--lists", str(tmp_path / "nowhere")).status == 1
        assert desk("wallet", "ended", "--until", "2020-01-01T00:00:00Z", "--json").json == {"ended": []}

        for call in range(6):
            words = ("--destination", "4412345678", "--usage", "60", "--session-id", f"c{call}")
            assert desk("session", "authorize", "--wallet", "stays", *words).status == 0
        first = desk("wallet", "reservations", "stays")
        assert len(first.out.splitlines()) == 1 + 5
        assert "there are more: --after " in first.err
        assert len(desk("wallet", "reservations", "stays", "--after", first.err.split()[-1]).out.splitlines()) == 1 + 1
        data = data_of(desk.process)
        everything = desk("wallet", "ended", "--json").json
    assert tollhouse("wallet", "ended", "--data", str(data), "--json").json == everything
    assert len(tollhouse("wallet", "reservations", "stays", "--data", str(data)).out.splitlines()) == 1 + 5


def test_a_file_is_written_over_nothing_that_stands_at_its_draft_s_name(tmp_path: Path) -> None:
    """A link there would be followed."""
    target = tmp_path / "target"
    target.write_text("keep")
    draft = tmp_path / f"list.{os.getpid()}.part"
    draft.symlink_to(target)
    with pytest.raises(CommandError), whole_file(tmp_path / "list") as out:
        out.write("x")
    assert target.read_text() == "keep"
    assert draft.is_symlink()
    assert not (tmp_path / "list").exists()
