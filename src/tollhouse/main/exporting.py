"""Records for billing systems, in pages that hold no call up: as CSV, or as lines of tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from tollhouse.console.reading import NotServedError, RecordsPage, RecordsWish, TokenError
from tollhouse.engine.book import PRICE, WALLET, StoredPrice, decode_image
from tollhouse.engine.readable import Readable
from tollhouse.main.journal import check_missing, decoded, forward_of, wallet_of
from tollhouse.main.naming import Names, Units
from tollhouse.main.tagging import Progress, Walk, progress_of
from tollhouse.rating.price import Price
from tollhouse.records.export import heading, lines
from tollhouse.records.record import Record
from tollhouse.snapshot.lookups import Snapshot
from tollhouse.store.interface import RecordEntry
from tollhouse.wallet.state import Wallet

LOOKS: Final = 12
"""Searches for a wallet's records in one page of an export: each goes through the files of all days."""
WALLETS: Final = 500
"""Wallets that a page looks at, at most."""


def export_page(store: Readable, units: Units, snapshot: Snapshot | None, wish: RecordsWish) -> RecordsPage:
    """Lines of `wish.limit` records at most, by wallet and sequence.

    Raises TokenError, DamagedError, and NotServedError: tags are asked for where there are no rules to say which.
    """
    page = Page(store, wish)
    if wish.form == "csv":
        return RecordsPage(heading(), *page.run(_Csv(page, units)))
    if snapshot is None:
        raise NotServedError("lines of tags are told by the providers' rules: no engine is running")
    return RecordsPage("", *page.run(_Tags(page, units, snapshot)))


class Form(Protocol):
    """How a wallet's records are written."""

    def place(self, token: str) -> str:
        """The wallet at which the page begins. Raises TokenError."""

    def begin(self, wallet: str) -> str:
        """The token of a page that begins with this wallet."""

    def write(self, wallet: Wallet, token: str, text: list[str]) -> str:
        """Append the wallet's lines, from the token on (empty: all). Where the page ends among them, the next token."""


class Page:
    """One page: not more records than are wished for, and not many more searches than LOOKS."""

    def __init__(self, store: Readable, wish: RecordsWish) -> None:
        self.store = store
        self.wish = wish
        self.left = wish.limit
        self._looks, self._wallets_left = LOOKS, WALLETS

    def run(self, form: Form) -> tuple[str, str]:
        """The lines, and the token of the next page; empty: there is none."""
        text: list[str] = []
        token = self.wish.after
        name = form.place(token) if token else ""
        for wallet in self._wallets(self.wish.wallet or name):
            self._wallets_left -= 1
            if not self.left or self._looks <= 0 or self._wallets_left < 0:
                return "".join(text), form.begin(wallet.name)
            following = form.write(wallet, token if wallet.name == name else "", text)
            if following:
                return "".join(text), following
        return "".join(text), ""

    def entries(self, wallet: Wallet, after: int) -> list[RecordEntry]:
        """The wallet's next records, as many as are left of the page. Raises DamagedError where some are missing."""
        found = self.records(wallet.name, after, self.left)
        full = len(found) == self.left
        check_missing(self.store, wallet.name, after, found, None if full else wallet.records)
        return found

    def records(self, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        """A search."""
        self._looks -= 1
        return self.store.records(wallet, after, limit)

    def _wallets(self, name: str) -> Iterator[Wallet]:
        """The wallet of this name, and those behind it unless one alone is wished for."""
        first = wallet_of(self.store, name) if name else None
        if first is not None:
            yield first
        key = name.encode()
        while not self.wish.wallet and (page := self.store.scan(WALLET, key, LOOKS)):
            for _, image in page:
                found = decode_image(WALLET, image)
                if isinstance(found, Wallet):
                    yield found
            key = page[-1][0]


class InTime:
    """Each record by itself, so only those of the time are read. The token `5 1001`: behind record 5 of wallet 1001."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def teller(self, wallet: Wallet) -> Callable[[Record], Iterable[str]] | None:
        """What makes lines of the wallet's records; None: none of them is told."""
        raise NotImplementedError

    def place(self, token: str) -> str:
        return _place(token)[1]

    def begin(self, wallet: str) -> str:
        return f"0 {wallet}"

    def write(self, wallet: Wallet, token: str, text: list[str]) -> str:
        page, wish, told = self._page, self._page.wish, self.teller(wallet)
        if told is None:
            return ""
        kept_from = forward_of(page.store, wallet.name).sequence
        after = _place(token)[0] if token else 0
        if after <= kept_from:
            after = self._first(wallet, kept_from)
        while after < wallet.records and page.left:
            entries = page.entries(wallet, after)
            for entry in entries:
                if wish.until and entry.at >= wish.until:
                    return ""
                page.left -= 1
                text.extend(told(decoded(entry)))
            if not entries:
                return ""
            after = entries[-1].sequence
        return f"{after} {wallet.name}" if after < wallet.records else ""

    def _first(self, wallet: Wallet, after: int) -> int:
        """The last record before `since`: by halves, for a wallet's records stand in the order of their time."""
        since = self._page.wish.since
        before, behind = after, wallet.records if since else after
        probe = behind - 1
        while before < behind:
            found = self._page.records(wallet.name, probe, 1)
            if found and found[0].at < since:
                before = found[0].sequence
            else:
                behind = probe
            probe = (before + behind) // 2
        return before


class _Csv(InTime):
    def __init__(self, page: Page, units: Units) -> None:
        super().__init__(page)
        self._units = units

    def teller(self, wallet: Wallet) -> Callable[[Record], Iterable[str]]:
        names = Names(wallet, self._units)

        def told(record: Record) -> Iterable[str]:
            names.meet(record)
            return lines(record, names.kinds, wallet.decimals)

        return told


class _Tags:
    """A line tells what stood before it, and a session's last one all its commits: so records are read from the first
    that is kept, and those whose line is not of the time are only followed."""

    def __init__(self, page: Page, units: Units, snapshot: Snapshot) -> None:
        self._page = page
        self._units = units
        self._snapshot = snapshot

    def place(self, token: str) -> str:
        return progress_of(token).wallet

    def begin(self, wallet: str) -> str:
        return Progress(wallet).token()

    def write(self, wallet: Wallet, token: str, text: list[str]) -> str:
        page, wish = self._page, self._page.wish
        if not token and self._is_over(wallet):
            return ""
        begun = progress_of(token) if token else Progress(wallet.name)
        rules, names = self._snapshot.rules(wallet.tenant), Names(wallet, self._units)
        walk = Walk(wallet, forward_of(page.store, wallet.name), begun, rules, names, self._price)
        while walk.after < wallet.records and page.left:
            entries = page.entries(wallet, walk.after)
            for entry in entries:
                if wish.until and entry.at >= wish.until:
                    return ""
                page.left -= 1
                line = walk.take(decoded(entry))
                if line is not None and entry.at >= wish.since:
                    text.append(line + "\n")
            if not entries:
                return ""
        return walk.progress().token() if walk.after < wallet.records else ""

    def _price(self, name: bytes) -> Price | None:
        """The price of this hash. Raises DamagedError."""
        image = self._page.store.load(PRICE, name)
        found = decode_image(PRICE, image) if image is not None else None
        return found.price if isinstance(found, StoredPrice) else None

    def _is_over(self, wallet: Wallet) -> bool:
        """Whether the last of its records is before the time."""
        last = self._page.records(wallet.name, wallet.records - 1, 1) if self._page.wish.since else []
        return bool(last) and last[0].at < self._page.wish.since


def _place(token: str) -> tuple[int, str]:
    number, _, name = token.partition(" ")
    if not (number.isascii() and number.isdigit() and len(number) < 19 and name):
        raise TokenError(f"no place: {token[:40]!r}")
    return int(number), name
