"""Many calls of one wallet at once, over RADIUS, Diameter and JSON-RPC: sent without waiting, heard later."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

from tests.journeys.calls_clients import ApiClient, DiameterSwitch, RadiusSwitch
from tests.processes import Process

RADIUS, DIAMETER, API = range(3)
CALLED = "33123456"
ACCEPT, REJECT, ACCOUNTED = 2, 3, 5
RADIUS_REASONS = {"h323-return-code=4": "no_funds", "h323-return-code=12": "insufficient_funds"}
Send = Callable[[], None]


class Crowd:
    """`authorise`, `begin` and `settle` give functions that send; `hear` takes in every answer that is due."""

    def __init__(self, process: Process, wallet: str, dice: random.Random) -> None:
        self._wallet = wallet
        self._dice = dice
        self._radius = RadiusSwitch(process.radius_auth, process.radius_accounting)
        self._diameter = DiameterSwitch(process.diameter)
        self._api = ApiClient(process.http)
        self._by_radius: dict[int, int] = {}
        self._by_diameter: dict[int, int] = {}
        self._by_api: dict[HTTPConnection, int] = {}
        self._looking: list[HTTPConnection] = []
        self._class: dict[int, list[bytes]] = {}
        self.granted: dict[int, int] = {}
        """Seconds, by call."""
        self.refused: Counter[str] = Counter()
        self.settled = 0

    def close(self) -> None:
        """Hang up; nothing is released by it."""
        self._radius.close()
        self._diameter.close()

    def authorise(self, call: int) -> Send:
        """May it go ahead? RADIUS leaves the length to the appliance, the others ask for some."""
        wish = self._dice.randint(1, 900)

        def radius() -> None:
            self._by_radius[self._radius.send_access(self._attributes(call))] = call

        def diameter() -> None:
            sent = self._diameter.send(1, 0, f"{call}", self._wallet, CALLED, asks=wish)
            self._by_diameter[sent] = call

        def api() -> None:
            names = {"session_id": f"{call}", "request_id": f"a{call}"}
            sent = self._api.send(
                "session.authorize", wallet=self._wallet, destination=CALLED, usage=str(wish), **names
            )
            self._by_api[sent] = call

        return (radius, diameter, api)[call % 3]

    def begin(self, call: int) -> list[Send]:
        """It is answered; a Diameter session has begun already."""

        def radius() -> None:
            self._by_radius[self._radius.send_accounting(self._report(call, "Start"))] = call

        def api() -> None:
            self._by_api[self._api.send("session.start", session=f"{call}", request_id=f"b{call}")] = call

        return ([radius], [], [api])[call % 3]

    def settle(self, call: int, seconds: int) -> Send:
        """It has ended after so many seconds."""

        def radius() -> None:
            report = self._report(call, "Stop") | {"Acct-Session-Time": seconds}
            self._by_radius[self._radius.send_accounting(report)] = call

        def diameter() -> None:
            sent = self._diameter.send(3, 1, f"{call}", self._wallet, CALLED, used=seconds)
            self._by_diameter[sent] = call

        def api() -> None:
            sent = self._api.send("session.stop", session=f"{call}", usage=str(seconds), request_id=f"c{call}")
            self._by_api[sent] = call

        return (radius, diameter, api)[call % 3]

    def look(self) -> None:
        """Ask how the wallet stands, without waiting."""
        self._looking.append(self._api.send("wallet.get", wallet=self._wallet))

    def hear(self) -> list[dict[str, Any]]:
        """Take in every answer; how the wallet stood at each look."""
        while self._by_radius:
            number, reply = self._radius.receive()
            self._heard_radius(self._by_radius.pop(number), reply)
        while self._by_diameter:
            sent, answer = self._diameter.receive()
            self._heard_diameter(self._by_diameter.pop(sent), answer)
        while self._by_api:
            connection, call = self._by_api.popitem()
            self._heard_api(call, self._api.answer(connection))
        seen, self._looking = [self._api.answer(one)["result"] for one in self._looking], []
        return seen

    def _attributes(self, call: int) -> dict[str, Any]:
        return {"User-Name": self._wallet, "Called-Station-Id": CALLED, "Acct-Session-Id": f"c{call}"}

    def _report(self, call: int, status: str) -> dict[str, Any]:
        return self._attributes(call) | {"Acct-Status-Type": status, "Class": self._class[call]}

    def _heard_radius(self, call: int, reply: Any) -> None:
        if reply.code == ACCEPT:
            self.granted[call] = reply["Session-Timeout"][0]
            self._class[call] = reply["Class"]
        elif reply.code == REJECT:
            self.refused[RADIUS_REASONS[reply["h323-return-code"][0]]] += 1
        else:
            assert reply.code == ACCOUNTED

    def _heard_diameter(self, call: int, answer: Any) -> None:
        if answer.cc_request_type == 3:
            assert answer.result_code == 2001
        elif answer.result_code == 2001:
            self.granted[call] = answer.multiple_services_credit_control[0].granted_service_unit.cc_time
        else:
            assert answer.result_code == 4012
            self.refused.update(avp.value for avp in answer.avps if avp.code == 281)

    def _heard_api(self, call: int, answer: dict[str, Any]) -> None:
        if "error" in answer:
            assert answer["error"]["code"] == -32000
            self.refused[answer["error"]["data"]["refusal"]] += 1
        else:
            self.granted.setdefault(call, answer["result"].get("granted", 0))
