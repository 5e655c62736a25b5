"""Plays a transcript against a running appliance and writes down what really happened, line by line.

    # a comment stays as it is
    >> RADIUS Access-Request User-Name=1001 ...        is sent
    << Access-Accept Session-Timeout=5700 ...          is what came back
    wallet 1001: balance 10, held 0, available 10      is how the wallet stands now

`played(process, text)` is equal to `text` where everything went as it says. Names that the appliance makes up are
shown as `*`: a Class, a session; where a request says `Class=*` it carries the Class of the last Access-Accept.
"""

from __future__ import annotations

import shlex
from contextlib import ExitStack, closing
from typing import Any

from pyrad.packet import Packet
from tests.journeys.calls_clients import ApiClient, DiameterSwitch, RadiusSwitch, SipSwitch
from tests.processes import Process

RADIUS_CODES = {2: "Access-Accept", 3: "Access-Reject", 5: "Accounting-Response"}
KINDS = {"CCR-I": 1, "CCR-U": 2, "CCR-T": 3}
ERROR_MESSAGE = 281
NUMBERS = frozenset(("Session-Timeout", "Acct-Session-Time", "Acct-Delay-Time"))


def played(process: Process, text: str) -> str:
    """The transcript as it really went."""
    with Player(process) as player:
        return "\n".join(line for given in text.split("\n") for line in player.play(given))


class Player:
    """A switch for each protocol, and what has to be remembered from one line to the next."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._open = ExitStack()
        self._class: list[bytes] = []

    def __enter__(self) -> Player:
        process = self._process
        radius = self._open.enter_context(closing(RadiusSwitch(process.radius_auth, process.radius_accounting)))
        self._radius = radius
        self._diameter = self._open.enter_context(closing(DiameterSwitch(process.diameter)))
        self._sip = self._open.enter_context(closing(SipSwitch(process.sip)))
        self._api = ApiClient(process.http)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def play(self, line: str) -> list[str]:
        """The line itself and what it brought; `<<` lines are written anew, so theirs are left out."""
        if line.startswith("<<"):
            return []
        if line.startswith("wallet "):
            return [self._wallet(line.split()[1].rstrip(":"))]
        if not line.startswith(">>"):
            return [line]
        protocol, *words = shlex.split(line.removeprefix(">>"))
        ways = {"RADIUS": self._by_radius, "Diameter": self._by_diameter, "SIP": self._by_sip, "JSON-RPC": self._by_api}
        answer = ways[protocol](*words)
        return [line, f"<< {answer}"] if answer else [line]

    def _wallet(self, name: str) -> str:
        seen = self._process.rpc("wallet.get", wallet=name)
        return f"wallet {name}: balance {seen['balance']}, held {seen['held']}, available {seen['available']}"

    def _by_radius(self, kind: str, *words: str) -> str:
        attributes: dict[str, Any] = pairs(words)
        password = attributes.pop("User-Password", "")
        if attributes.get("Class") == "*":
            attributes["Class"] = self._class
        attributes |= {name: int(value) for name, value in attributes.items() if name in NUMBERS}
        if kind == "Access-Request":
            reply = self._radius.access(attributes, password)
        else:
            reply = self._radius.accounting(attributes)
        if "Class" in reply:
            self._class = reply["Class"]
        return radius_words(reply)

    def _by_diameter(self, kind: str, *words: str) -> str:
        said = pairs(words)
        used, asks = said.get("Used"), said.get("Requested")
        answer = self._diameter.ask(
            KINDS[kind],
            int(said["Number"]),
            said["Session"],
            said["E164"],
            said["Called"],
            asks=None if asks is None else int(asks or 0),
            used=None if used is None else int(used),
        )
        return diameter_words(answer)

    def _by_sip(self, method: str, *words: str) -> str:
        said = pairs(words)
        if method == "INVITE":
            status, headers = self._sip.invite(said["From"], said["To"], said["Call-ID"])
        else:
            self._sip.send(method, said["From"], said["To"], said["Call-ID"])
            status, headers = self._sip.receive(method, said["Call-ID"])
        told = (f"{name}: {headers[name]}" for name in ("Contact", "Reason", "Retry-After") if name in headers)
        return ", ".join((status, *told))

    def _by_api(self, method: str, *words: str) -> str:
        answer = self._api.ask(method, **pairs(words))
        if "error" in answer:
            error = answer["error"]
            return f"error {error['code']} {error.get('data', {}).get('refusal', error['message'])}"
        kept = ((name, value) for name, value in answer["result"].items() if value not in (None, [], ()))
        return " ".join(f"{name}={'*' if name == 'session' else _shown(value)}" for name, value in kept)


def pairs(words: tuple[str, ...]) -> dict[str, str]:
    """`Name=value` words."""
    return dict(word.split("=", 1) for word in words)


def radius_words(reply: Packet) -> str:
    """Code and attributes of a reply; its signature was checked."""
    words = [RADIUS_CODES[reply.code]]
    names = reply.keys()  # by name; iterating the packet itself gives numbers
    for name in names:
        if name not in ("Message-Authenticator", "Proxy-State"):
            words += ["Class=*" if name == "Class" else _worded(name, value) for value in reply[name]]
    return " ".join(words)


def diameter_words(answer: Any) -> str:
    """What a CCA grants or refuses: at the top, and in its one MSCC."""
    words = [f"CCA Result-Code={answer.result_code}"]
    for service in answer.multiple_services_credit_control or ():
        unit, final = service.granted_service_unit, service.final_unit_indication
        words += [f"MSCC-Result-Code={service.result_code}"]
        words += [f"CC-Time={unit.cc_time}"] if unit is not None else []
        words += [f"Final-Unit-Action={final.final_unit_action}"] if final is not None else []
    if answer.cost_information is not None:
        value = answer.cost_information.unit_value
        words.append(f"Cost={value.value_digits}e{value.exponent} Currency={answer.cost_information.currency_code}")
    words += [f"Error-Message={avp.value}" for avp in answer.avps if avp.code == ERROR_MESSAGE]
    return " ".join(words)


def _worded(name: str, value: object) -> str:
    """Cisco's attributes carry their own name."""
    return str(value) if str(value).startswith(f"{name}=") else f"{name}={_shown(value)}"


def _shown(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return shlex.quote(text)
