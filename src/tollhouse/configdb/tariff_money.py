"""The files of a tariff folder that give money: Actions, ActionPlans, AccountActions. What can't be done is refused."""

from __future__ import annotations

from functools import partial
from typing import Final

from tollhouse.configdb import tariff_values as values
from tollhouse.configdb.moments import expiry, is_relative
from tollhouse.configdb.tariff_reader import (
    AccountActionRow,
    ActionPlanRow,
    ActionRow,
    Line,
    Problem,
    Reader,
    weight,
)

ACTIONS: Final = ("*topup", "*topup_reset")
_NOTHING: Final = ("", values.ANY)
_UNSUPPORTED: Final = ("ExtraParameters", "Filter", "Categories", "DestinationTags", "RatingSubject")


class MoneyRows:
    """The three files, line by line."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def action(self, line: Line) -> ActionRow:
        """A top-up of money, which shared groups may be open to. Any other action, and any other restriction of the
        balance, is not supported yet."""
        reader = self._reader
        reader.cell(line, "Action", _action, "")
        reader.cell(line, "BalanceType", _monetary, "")
        for column in (*_UNSUPPORTED, "TimingTags"):
            if line.cells[column] not in _NOTHING:
                reader.problem(line, column, f"{line.cells[column]!r}: a top-up with this is not supported yet")
        if line.cells.get("Directions", "") not in (*_NOTHING, "*out"):
            reader.problem(line, "Directions", f"{line.cells['Directions']!r}: only *out is supported, or nothing")
        for column in ("BalanceBlocker", "BalanceDisabled"):
            if line.cells[column] not in ("", "false"):
                reader.problem(line, column, f"{line.cells[column]!r} is not supported yet: leave it empty or false")
        return ActionRow(
            tag=reader.text(line, "Tag"),
            action=line.cells["Action"],
            balance=line.cells["BalanceTag"],
            amount=reader.cell(line, "Units", _amount, ""),
            expiry=reader.cell(line, "ExpiryTime", partial(expiry, now=reader.now), 0),
            balance_weight=reader.cell(line, "BalanceWeight", _whole, 0),
            weight=reader.cell(line, "Weight", weight, ""),
            relative=line.cells["ExpiryTime"] if is_relative(line.cells["ExpiryTime"]) else "",
            groups=reader.cell(line, "SharedGroups", _groups, ""),
        )

    def action_plan(self, line: Line) -> ActionPlanRow:
        reader = self._reader
        tag, actions, _ = (reader.text(line, column) for column in ("Tag", "ActionsTag", "TimingTag"))
        return ActionPlanRow(tag, actions, reader.cell(line, "Weight", weight, ""))

    def account_action(self, line: Line) -> AccountActionRow:
        """The account's name is that of the wallet. Triggers are left out, with a note."""
        reader = self._reader
        if triggers := line.cells["ActionTriggersTag"]:
            text = f"the triggers {triggers} are not loaded yet"
            reader.notes.append(Problem(line.file, line.number, "ActionTriggersTag", text))
        for column in ("AllowNegative", "Disabled"):
            if line.cells[column] not in ("", "false"):
                reader.problem(line, column, f"{line.cells[column]!r} is not supported yet: leave it empty or false")
        plans = tuple(line.cells["ActionPlanTags"].split(";")) if line.cells["ActionPlanTags"] else ()
        return AccountActionRow(reader.text(line, "Tenant", 64), reader.text(line, "Account"), plans)


def _action(text: str) -> str:
    if text not in ACTIONS:
        raise ValueError(f"the action {text!r} is not supported yet: only {', '.join(ACTIONS)}")
    return text


def _monetary(text: str) -> str:
    if text != "*monetary":
        raise ValueError(f"the balance type {text!r} is not supported yet: only *monetary")
    return text


def _amount(text: str) -> str:
    if text.startswith("{"):
        raise ValueError("a formula is not supported yet: only a decimal number")
    amount = values.canonical(text)
    if amount == "0":
        raise ValueError("a top-up is more than zero")
    return amount


def _whole(text: str) -> int:
    number = weight(text)
    if "." in number:
        raise ValueError(f"{text!r} is no whole number")
    return int(number)


def _groups(text: str) -> str:
    names = [] if text in _NOTHING else text.split(";")
    if "" in names or len(set(names)) < len(names) or any(len(name.encode()) > 128 for name in names):
        raise ValueError(f"{text!r} is no list of different groups, separated by ;, each of 1 to 128 octets")
    return ";".join(names)
