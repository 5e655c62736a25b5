"""The source's configuration files: nested, plain and in lists; what cannot be read, with its line."""

from __future__ import annotations

import pytest

from tollhouse.configdb.source_files import Setting, SourceError, settings


def whole(group: str, key: str) -> bool:
    return (group, key) == ("engines", "primary")


def read(text: str) -> list[Setting]:
    return list(settings(text, whole))


def test_groups_in_braces_with_comments_commas_and_the_ends_of_lines_anywhere() -> None:
    assert read(
        "# a comment = { of its own }\n"
        "reservation = {\n"
        '    rule = "s*w*r" # the "default"\n'
        "    free={last=true,\n"
        "      write = false}  length\n"
        "      = 3600\n"
        "}\n"
        'push.-d = "/a # b/{c}"\n'
    ) == [
        Setting(3, "reservation", "rule", '"s*w*r"'),
        Setting(4, "reservation.free", "last", "true"),
        Setting(5, "reservation.free", "write", "false"),
        Setting(5, "reservation", "length", "3600"),
        Setting(8, "push", "-d", '"/a # b/{c}"'),
    ]


def test_plain_names_are_the_same_as_groups_and_both_go_together() -> None:
    nested = read("CCS = { MFile = { path = x } }")
    assert (
        nested
        == read("CCS.MFile.path = x")
        == read("CCS = { MFile.path = x }")
        == [Setting(1, "CCS.MFile", "path", "x")]
    )
    assert read("length = 5") == [Setting(1, "", "length", "5")]


def test_a_list_of_groups_is_read_entry_by_entry_and_any_other_as_it_stands() -> None:
    assert read(
        "events = {\n"
        "  names = [ { customer = 12\n"
        '     cascade = "One" }, { customer = 32 cascade = "Two" } ]\n'
        "  hidden = [ 201,202\n"
        '  ] flags = [ "-d", "/x" ]\n'
        "  none = [] empty = {}\n"
        "  names = [ { customer = 7 } ]\n"
        "}"
    ) == [
        Setting(2, "events.names", "customer", "12", 1),
        Setting(3, "events.names", "cascade", '"One"', 1),
        Setting(3, "events.names", "customer", "32", 2),
        Setting(3, "events.names", "cascade", '"Two"', 2),
        Setting(4, "events", "hidden", "[ 201,202\n  ]"),
        Setting(5, "events", "flags", '[ "-d", "/x" ]'),
        Setting(6, "events", "none", "[]"),
        Setting(7, "events.names", "customer", "7", 3),
    ]


def test_what_is_one_key_is_not_opened() -> None:
    text = "engines = [ { id = 1 primary = { ip = [ a ] port = 1 } } ]"
    assert read(text) == [
        Setting(1, "engines", "id", "1", 1),
        Setting(1, "engines", "primary", "{ ip = [ a ] port = 1 }", 1),
    ]


def test_nothing_is_nothing() -> None:
    assert read("") == read(" \n# only a comment") == []


@pytest.mark.parametrize(
    ("text", "line", "trouble"),
    [
        ('a = {\n b = 1\n c = "x\n}', 3, "a text is not closed"),
        ("a = {\n b = 1\n", 1, "the group is not closed"),
        ("a = 1\n}\n", 2, "'}' stands where a name was expected"),
        ("a = {\n = 1 }", 2, "'=' stands where a name was expected"),
        ('"a" = 1', 1, "stands where a name was expected"),
        ("a = 1\nb 2", 2, "a name is not followed by ="),
        ("a = 1\nb", 2, "a name is not followed by ="),
        ("a = {\n b =\n}", 3, "no value"),
        ("a = ", 1, "no value"),
        ("a = = 1", 1, "no value"),
        ("a = [ 1\nb = 2", 1, "[ is not closed"),
        ("a = [ { b = 1 }\n 2 ]", 1, "not a list of groups"),
        ("a = [ 1 { b = 1 ]\n", 1, "[ is not closed"),
        ("a = {" * 40, 1, "deeper than 32"),
        ("a = [{" * 100_000, 1, "deeper than 32"),
        ("a = " + "[" * 100_000, 1, "[ is not closed"),
    ],
)
def test_what_cannot_be_read(text: str, line: int, trouble: str) -> None:
    with pytest.raises(
        SourceError, match=trouble.replace("[", r"\[").replace("}", r"\}").replace("{", r"\{")
    ) as refusal:
        read(text)
    assert refusal.value.line == line


def test_what_stands_before_it_is_read() -> None:
    reading = settings("a = 1 b = 2\nc", whole)
    assert [next(reading), next(reading)] == [Setting(1, "", "a", "1"), Setting(1, "", "b", "2")]
    with pytest.raises(SourceError):
        next(reading)
