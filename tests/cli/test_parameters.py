"""`tollhouse config import-parameters`: what became of each parameter, and all problems with their lines."""

from __future__ import annotations

from pathlib import Path

from tests.cli.terminal import Desk


def file(directory: Path, text: str) -> str:
    path = directory / "eserv.config"
    path.write_text(text)
    return str(path)


def test_all_problems_at_once(desk: Desk, tmp_path: Path) -> None:
    wrong = file(tmp_path, "reservationHandler = {\n  discountTime = yes\n  maxLength = 5\n  syslogErrors = true\n}\n")
    said = desk("config", "import-parameters", wrong)
    assert (said.status, said.out) == (1, "")
    assert said.err.splitlines() == [
        "eserv.config:2: reservationHandler.discountTime: 'yes' is not one of true, false",
        "eserv.config:3: reservationHandler.maxLength: there is no such key",
        "tollhouse: nothing was set, problems: 2",
    ]
    assert desk("config", "import-parameters", str(tmp_path / "nowhere")).err.startswith("nowhere: the file cannot be")
    nobody = desk("config", "import-parameters", file(tmp_path, ""), "--tenant", "nobody")
    assert (nobody.status, nobody.err.splitlines()[0]) == (
        1,
        "eserv.config: there is no such tenant, it is one of demo",
    )


def test_a_dry_run_then_the_load_then_again_and_it_is_in_force(desk: Desk, tmp_path: Path) -> None:
    """The longest grant of a call is the file's 300 s; 1001 can pay for more."""
    path = file(
        tmp_path,
        'reservationHandler = { maxReservationLength = 300 discountRuleType = "s*w*r" }\n'
        "common.accountCacheAgeSeconds = 600\n"
        "voucherHandler.weeklyBadPinExpiryHours = 744\n",
    )
    for words, loaded, changed in (
        (["--dry-run"], "no, a dry run", ["to", "change", "7"]),
        ([], "yes", ["changed", "7"]),
        ([], "yes", ["changed", "0"]),
    ):
        said = desk("config", "import-parameters", path, *words)
        assert (said.status, said.err) == (0, "")
        lines = said.out.splitlines()
        assert lines[:2] == ["tenant      demo", f"loaded      {loaded}"]
        assert lines[3].split() == changed
        before = "-" if changed[-1] == "7" else "300"
        longest = ["1", "reservationHandler.maxReservationLength", "reservation.longest_seconds", before, "300", "-"]
        assert longest in [line.split() for line in lines]
        assert "R5: allowed, though the source's own list lacks it" in said.out
        assert len([line for line in lines if "the source's default, which the file leaves out" in line]) == (
            5 if changed[-1] == "7" else 0
        )
        assert lines[-2:] == [
            "line 2: common.accountCacheAgeSeconds sets nothing: what is compiled is always fresh: no cache has an age",
            "line 3: voucherHandler.weeklyBadPinExpiryHours sets nothing: waits for vouchers; R9: as long as the"
            " monthly one; kept",
        ]
    granted = desk("session", "authorize", "--wallet", "1001", "--destination", "4420", "--usage", "600", "--json").json
    assert granted["granted"] == 300
