"""Does the model test find what it is there for? Each mutant of the sources must be killed by one of its seeds.

    .venv/bin/python tools/mutants.py [--seeds 54] [--seconds 120] [NAME ...]

A mutant is a file in `tests/mutants/`: what it breaks, then a unified diff whose hunks need no line numbers: the old
lines of each must be in the file exactly once, else the run ends with an error (a mutant that does nothing proves
nothing). It is applied to a private copy; the seeds of both models are played there in turn until one fails. Seeds that
fail without any mutant are left out. Exit status 0: all were killed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
MUTANTS = ROOT / "tests" / "mutants"
DEFECT = 2


def main() -> int:
    """Print a line for each mutant."""
    parser = argparse.ArgumentParser(description="plant each mutant in a copy and play the model test on it")
    parser.add_argument("names", nargs="*", help="which mutants; none: all")
    parser.add_argument("--seeds", type=int, default=54, help="seeds of each model")
    parser.add_argument("--seconds", type=int, default=120, help="the longest time for one mutant")
    parser.add_argument("--play", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--without", default="[]", help=argparse.SUPPRESS)
    parser.add_argument("--all", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.play:
        return play(asked.seeds, {tuple(one) for one in json.loads(asked.without)}, asked.all)
    patches = [MUTANTS / f"{name}.patch" for name in asked.names] or sorted(MUTANTS.glob("*.patch"))
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        told = run(Path(folder) / "plain", asked.seeds, 10 * asked.seconds, every=True)
        failing = [json.loads(line) for line in told if line.startswith("[")]
        print(f"without a mutant: {2 * asked.seeds - len(failing)} seeds pass, {len(failing)} fail", flush=True)
        survived = 0
        for patch in patches:
            verdict = judge(Path(folder) / patch.stem, patch, asked.seeds, asked.seconds, failing)
            survived += verdict == "SURVIVED"
            print(f"{patch.stem:30}{verdict}", flush=True)
    return 1 if survived else 0


def judge(folder: Path, patch: Path, seeds: int, seconds: int, failing: list[object]) -> str:
    """What became of the mutant."""
    told = run(folder, seeds, seconds, patch, failing)
    shutil.rmtree(folder)
    killed = next((json.loads(line) for line in told if line.startswith("[")), None)
    if killed is None:
        return "SURVIVED"
    model, seed, why = killed
    return f"killed by seed {seed} of {model}: {why[:120]}"


def run(
    folder: Path,
    seeds: int,
    seconds: int,
    patch: Path | None = None,
    failing: list[object] | None = None,
    every: bool = False,
) -> list[str]:
    """What the player says of a copy of the sources; it has so many seconds."""
    for part in ("src", "tests", "tools"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    if patch is not None:
        apply(patch, folder)
    order = [sys.executable, "tools/mutants.py", "--play", "--seeds", str(seeds)]
    order += ["--without", json.dumps([one[:2] for one in failing or []])] + ["--all"] * every  # type: ignore[index]
    ways = f"{folder / 'src'}{os.pathsep}{folder}"
    with subprocess.Popen(
        order, cwd=folder, env={**os.environ, "PYTHONPATH": ways}, stdout=subprocess.PIPE, text=True
    ) as player:
        try:
            told, _ = player.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            player.kill()
            told, _ = player.communicate()
    lines = told.splitlines()
    if "started" not in lines:
        sys.exit(f"{patch.stem if patch else 'the plain copy'}: the model test does not even begin")
    return lines


def apply(patch: Path, folder: Path) -> None:
    """Replace the old lines of every hunk by the new ones. What is not there exactly once ends the run."""
    _, _, diff = patch.read_text().partition("--- a/")
    name, _, rest = diff.partition("\n")
    file = folder / name
    text = file.read_text()
    for hunk in rest.split("@@ @@\n")[1:]:
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] != "+")
        new = "".join(line[1:] for line in lines if line[0] != "-")
        if text.count(old) != 1:
            sys.exit(f"{patch.name}: these lines are {text.count(old)} times in {name}, not once:\n{old}")
        text = text.replace(old, new)
    file.write_text(text)


def play(seeds: int, without: set[tuple[str, int]], every: bool) -> int:
    """Play the seeds of this very copy; a line of JSON for the first that fails, or for each."""
    import logging

    from tests.model import runs
    from tests.model.living import runs as living

    logging.disable(logging.CRITICAL)
    print("started", flush=True)
    models = {"living": living.play, "money": lambda seed: runs.Played().run(seed)}
    for seed in range(seeds):
        for model, player in models.items():
            if (model, seed) in without:
                continue
            try:
                player(seed)
            except Exception as wrong:  # noqa: BLE001 - whatever it is, the test fails
                print(json.dumps([model, seed, f"{type(wrong).__name__}: {wrong}"]), flush=True)
                if not every:
                    return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
