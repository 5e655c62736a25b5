"""The pages lead where they say: links, the make targets, and the paths of the programs to run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))
TEXT = {page: page.read_text() for page in PAGES}


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings are linked to."""
    headings = re.findall(r"(?m)^#+ (.*)$", page.read_text())
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_is_dead(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXT[page]):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.is_file(), target
        assert not anchor or anchor in anchors(there), target


def test_every_page_is_led_to() -> None:
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in re.findall(r"\]\(([^)\s]+)\)", TEXT[page])
    }
    assert [page.name for page in PAGES if page not in linked] == ["README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_to_be_run_is_there(page: Path) -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    assert set(re.findall(r"(?:`|^ {4})make ([a-z]+)", TEXT[page], re.MULTILINE)) <= targets
    for path in re.findall(r"(?<![/\w.])((?:tools|tests|etc|systemd|dictionaries)/[\w./]*\w)", TEXT[page]):
        assert (ROOT / path).exists(), path


def test_hacking_has_every_target_of_make() -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):.*## ", (ROOT / "Makefile").read_text()))
    assert targets - {"help", "run"} <= set(re.findall(r"`make ([a-z]+)", TEXT[ROOT / "HACKING.md"]))
