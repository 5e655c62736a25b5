"""Shared groups: in which order the buckets of a group's members pay. Source: requirement cgrates 3.6."""

from __future__ import annotations

import enum
from typing import Final


class Strategy(enum.StrEnum):
    """Whose bucket of a group pays first; with `mine`, one's own comes before all others'."""

    LOWEST = "*lowest"
    """The one with the least in it."""
    HIGHEST = "*highest"
    RANDOM = "*random"
    """By a digest of session and member: spread over the members, and the same whenever it is asked again."""
    MINE_LOWEST = "*mine_lowest"
    MINE_HIGHEST = "*mine_highest"
    MINE_RANDOM = "*mine_random"

    @property
    def own_first(self) -> bool:
        """Whether a member pays with its own before others lend to it."""
        return self in (Strategy.MINE_LOWEST, Strategy.MINE_HIGHEST, Strategy.MINE_RANDOM)


EVERYONE: Final = "*any"
"""Stands for all members of a group that have no strategy of their own."""
DEFAULT_STRATEGY: Final = Strategy.MINE_RANDOM
"""Of a group that nobody configured."""
