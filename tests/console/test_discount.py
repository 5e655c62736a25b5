"""A session's discount as an API client writes it."""

from __future__ import annotations

import pytest
from tests.console.test_wallets import Shop


@pytest.mark.parametrize(("text", "cost"), [("10", "0.54"), ("12.5", "0.525"), ("", "0.6"), ("100", "0")])
def test_percents_of_the_price_with_two_decimals_at_most(text: str, cost: str) -> None:
    """A second of the tutorial's tariff costs the fee of 0.4 and 0.2 for its first minute, less so much."""
    shop = Shop()
    wish = {"wallet": "1001", "destination": "4420", "usage": 60, "session_id": "c", "discount": text}
    assert shop.ask("session.authorize", **wish)["result"]["granted"] == 60
    shop.ask("session.start", session="c")
    ended = shop.ask("session.stop", session="c", usage=1)["result"]
    assert ended["cost"] == cost


@pytest.mark.parametrize("text", ["-1", "100.01", "1.234", "ten", "1e1"])
def test_what_is_no_percent_is_refused_by_name(text: str) -> None:
    shop = Shop()
    wish = {"wallet": "1001", "destination": "4420", "usage": 60, "discount": text}
    answer = shop.ask("session.authorize", **wish)
    assert "discount" in answer["error"]["message"] + str(answer["error"].get("data"))
    assert shop.rig.wallet().held == 0
