"""docs/settings.md says what the program does: every setting, no other, each with its type, unit, default and range."""

from __future__ import annotations

from pathlib import Path

from tollhouse.main.setting_table import SECTIONS, Setting

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def rows() -> dict[str, list[str]]:
    """The page's tables: setting -> type, unit, default, range, meaning."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("## ["):
            section = line.removeprefix("## [").removesuffix("]")
        elif line.startswith("| `"):
            key, *rest = (cell.strip() for cell in line.strip("|").split("|"))
            name = f"{section}.{key.strip('`')}"
            assert name not in found
            found[name] = rest
    return found


def described(setting: Setting) -> list[str]:
    default = "required" if setting.required else f"`{setting.kind.shown(setting.default)}`"
    if setting.key == "dictionaries":
        default = "the checkout's"
    return [setting.kind.type, setting.kind.unit, default, setting.kind.range]


def test_the_page_names_every_setting_and_no_other_as_it_is() -> None:
    settings = {f"{name}.{one.key}": described(one) for name, section in SECTIONS.items() for one in section.settings}
    assert {name: row[:4] for name, row in rows().items()} == settings


def test_every_setting_has_a_meaning() -> None:
    assert [name for name, row in rows().items() if len(row) != 5 or not row[4].endswith((".", "..."))] == []
