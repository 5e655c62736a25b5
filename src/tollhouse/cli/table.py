"""Every method of the API as a command: its words, its arguments, how its result is shown. A new method costs a row."""

from __future__ import annotations

from typing import Final

from tollhouse.cli.method import REQUEST_ID, Argument, Kind, Method


def _first(name: str, text: str, kind: Kind = Kind.TEXT) -> Argument:
    return Argument(name, text, kind, positional=True, required=True)


def _must(name: str, text: str) -> Argument:
    return Argument(name, text, required=True)


_WALLET: Final = _first("wallet", "the wallet's name")
_REQUEST_TYPE: Final = Argument(
    "request_type", "prepaid, postpaid, pseudoprepaid, rated or none (default: as the account says)"
)
_SESSION: Final = _first("session", "the session's id, or the session_id that it was authorised under")
_OPERATOR: Final = _must("operator", "who says so: a name without spaces")
_ADJUSTMENT: Final = _first("adjustment", "its id: the request id of the adjustment")
_UNIT: Final = Argument("unit", "what amounts are in (default: the wallet's own unit)")
_NOTE: Final = Argument("note", "a word for the record")
_AT: Final = Argument("answer_time", "when it was answered, ISO 8601 (default: now)")
_TENANT: Final = Argument("tenant", "whose it is (default: the only one)")
_TOR: Final = Argument(
    "tor", "type of record: what usage counts", choices=("voice", "data", "message", "mms", "generic")
)
_USAGE: Final = "seconds (voice), octets (data), messages or units"
_SESSIONS: Final = Argument("max_sessions", "at a time; 0: as its product says", Kind.NUMBER)
_OTHER_PRODUCTS: Final = Argument("other_products", "those of other accounts that share it", Kind.LIST)
_LIMIT: Final = Argument("limit", "at most so many, 1 to 1000 (default: 100)", Kind.NUMBER)


_CATEGORY: Final = Argument("category", "of the rating profile (default: call; of another type of record generic_TOR)")


def _after(text: str, kind: Kind = Kind.TEXT) -> Argument:
    return Argument("after", f"go on behind this {text}", kind)


def _price(tor: str, *usage: Argument) -> tuple[Argument, ...]:
    return (
        _must("subject", "who pays: a wallet's or account's name, as the tariff calls it"),
        _must("destination", "the number that is called"),
        *usage,
        _AT,
        _TENANT,
        _CATEGORY,
        Argument("tor", f"type of record: voice, data, message, mms, or another name (default: {tor})"),
    )


_EVENTS: Final = (
    Argument("count", "so many of the event (default: 1)", Kind.NUMBER),
    Argument("promotional", "paid by the cascade of promotional events", Kind.FLAG),
    Argument("discount", "percent that the service takes off"),
)
_BALANCE_TYPE: Final = Argument("balance_type", "of which balance type (default: cash)")
_COUNTED: Final = Argument("unit", "what the amount is in (default: what the balance type counts in)")
_BUCKETS: Final = (
    _BALANCE_TYPE,
    Argument("start", "not spent before, ISO 8601"),
    Argument("expiry", "not spent after, ISO 8601"),
    Argument(
        "policy",
        "instead: what becomes of the bucket's date",
        choices=("from_today", "extend_from_expiry", "later_of", "keep"),
    ),
    Argument("period", "of the policy: 30d, 12h, 30m or 45s"),
    Argument("weight", "the heavier bucket is spent first (default: 0)", Kind.NUMBER),
    Argument("use", 'what it may pay for, such as \'{"destinations": ["DST_UK"]}\' (default: anything)', Kind.JSON),
    Argument("reset", "what the balance type held before is forfeited", Kind.FLAG),
    Argument("lines", "what goes into other buckets besides, a list", Kind.JSON),
    Argument("extension", 'of the wallet itself, such as \'{"policy": "from_today", "period": "30d"}\'', Kind.JSON),
)

METHODS: Final = (
    Method("system.status", "whether it serves, since when, on which configuration", on_disk=True),
    Method(
        "system.audit",
        "prove all balances from their records, page after page",
        words=("audit",),
        on_disk=True,
        patience=600,
    ),
    Method(
        "tariff.import",
        "load a tariff folder: all of it, or with any problem nothing",
        (
            _first("path", "the folder, on the engine's machine", Kind.FOLDER),
            Argument("dry_run", "only look what is wrong with it", Kind.FLAG),
            Argument(
                "pricing", "how calls are priced (default: as before; exact at first)", choices=("exact", "cgrates")
            ),
            Argument("price_decimals", "where cgrates rounds prices, 0 to 7 (default: 5)", Kind.NUMBER),
            Argument(
                "weights", "who wins: code, the highest (default); manual, the lowest", choices=("code", "manual")
            ),
            Argument("sanity", "refuse what CGRateS's loader calls insane", Kind.FLAG),
        ),
        patience=3600,
        local=(Argument("progress", "how far it is, on stderr (default: on a terminal)", Kind.FLAG),),
    ),
    Method(
        "tariff.export",
        "write an import's rating rows into a folder of CSV files",
        (
            _first("path", "the folder, on the engine's machine", Kind.FOLDER),
            _must("plan", "the import: the name of the folder that it came from"),
            Argument("layout", "of CGRateS v0.10 (default) or of 0.9.1~rc8", choices=("v010", "rc8")),
        ),
        patience=3600,
    ),
    Method("tariff.progress", "how far the tariff import is that runs now"),
    Method(
        "config.import_parameters",
        "set another platform's rules of charging by its own names: all of a file or, with any problem, nothing",
        (
            _first("path", "its configuration file, on the engine's machine", Kind.FILE),
            Argument("dry_run", "only look what is wrong with it, and what it would set", Kind.FLAG),
            _TENANT,
            Argument("customer", "the tenant's number there, by which cascades are listed (default: its name)"),
        ),
        words=("config", "import-parameters"),
        patience=60,
    ),
    Method(
        "rating.cost",
        "what a usage would cost",
        _price("voice", _must("usage", _USAGE)),
        options=(Argument("explain", "and why: every candidate that was looked at, and the sum", Kind.FLAG),),
    ),
    Method("rating.explain", "what a usage would cost, and why", _price("voice", _must("usage", _USAGE))),
    Method(
        "rating.limit",
        "how long money would last",
        _price(
            "voice",
            _must("money", "a decimal number, in the unit of the subject's tariff"),
            Argument("usage", "at most so much (default: 72 h, 100 GiB, 10,000 messages, 10^12 units)"),
            Argument("max_rate", "ends where usage is dearer: 0.5/60s of voice, 0.5/1 of other units"),
        ),
    ),
    Method(
        "rating.compare",
        "what calls would cost by two rating plans",
        (
            _first("a", "a rating plan, IMPORT/TAG"),
            _first("b", "another one"),
            Argument("records", "CSV with a heading, or the JSON of `record list --json`", Kind.FILE, required=True),
            Argument("subject", "whose profile says unit and zone (default: *any)"),
            _TENANT,
            _CATEGORY,
        ),
        rows="calls",
    ),
    Method(
        "wallet.create",
        "a new wallet",
        (
            _WALLET,
            Argument("unit", "what its amounts are in (default: EUR)"),
            Argument("opening", "the money it begins with (default: 0)"),
            Argument("credit_limit", "how far below zero it may go (default: 0, prepaid)"),
            _TENANT,
            Argument("product", "what it is sold as: it waits for its first use (default: its batch's; none: active)"),
            Argument("batch", "of subscriber accounts (default: none)"),
            _SESSIONS,
            Argument("balance_types", "has an empty bucket of each, if the rules say so", Kind.LIST),
            _OTHER_PRODUCTS,
            REQUEST_ID,
        ),
    ),
    Method("wallet.get", "a wallet as it stands", (_WALLET,), on_disk=True),
    Method(
        "wallet.list",
        "wallets by name, a page at a time",
        (_after("wallet"), _LIMIT),
        on_disk=True,
        rows="wallets",
        columns=("wallet", "state", "balance", "held", "available", "credit_limit", "unit", "records"),
    ),
    Method(
        "wallet.reservations",
        "the sessions for which a wallet holds something now, a page at a time",
        (
            _WALLET,
            _after("session"),
            Argument("limit", "at most so many, 1 to 1000 (default: as its provider's rules say, 5)", Kind.NUMBER),
        ),
        on_disk=True,
        rows="reservations",
        columns=("session", "state", "client", "destination", "created", "until", "used", "held", "unit", "holds"),
    ),
    Method(
        "wallet.recharge",
        "money or units into a wallet",
        (_WALLET, Argument("amount", "a decimal number (default: 0)"), _COUNTED, *_BUCKETS, _NOTE, REQUEST_ID),
    ),
    Method(
        "wallet.change",
        "credit limit, state, expiry, sessions at a time or other products; what is not given stays",
        (
            _WALLET,
            Argument("credit_limit", "how far below zero it may go"),
            Argument(
                "state",
                "what is not active pays nothing",
                choices=("active", "suspended", "frozen", "terminated"),
            ),
            Argument("expiry", "ISO 8601; '' is never"),
            _SESSIONS,
            _OTHER_PRODUCTS,
            _NOTE,
            REQUEST_ID,
        ),
    ),
    Method(
        "wallet.transfer",
        "free money or units from one wallet to another",
        (
            _WALLET,
            _must("to", "the wallet that gets it"),
            _must("amount", "a decimal number"),
            _COUNTED,
            _BALANCE_TYPE,
            _NOTE,
            REQUEST_ID,
        ),
    ),
    Method(
        "wallet.remove",
        "take a wallet out of service for good; what it holds is written off",
        (_WALLET, _NOTE, REQUEST_ID),
    ),
    Method(
        "wallet.ended",
        "wallets that were terminated or removed, as a table or as lists for other systems",
        (
            Argument("since", "from this time on, ISO 8601 (default: from the first)"),
            Argument("until", "before this time (default: to the last)"),
            _after("page", Kind.TEXT),
            Argument("limit", "records that a page reads, 1 to 1000 (default: 1000)", Kind.NUMBER),
        ),
        on_disk=True,
        rows="ended",
        columns=("at", "list", "due", "cause", "tenant", "wallet"),
        local=(Argument("lists", "into files in this directory: a list for each minute that has any", Kind.FOLDER),),
    ),
    Method(
        "wallet.trace",
        "a wallet's journal with running balances, what is reserved, and how it stood at any time",
        (
            _WALLET,
            Argument("at", "as of this time, ISO 8601 (default: now)"),
            _after("page", Kind.TEXT),
            Argument("limit", "records a page, 1 to 1000 (default: 1000)", Kind.NUMBER),
        ),
        on_disk=True,
        rows="entries",
        columns=("sequence", "at", "kind", "client", "request_id", "session", "moves", "balance", "note"),
    ),
    Method(
        "wallet.import",
        "bring subscribers and their balances over from another platform: all of them, or with any problem nothing",
        (
            _first("path", "the CSV file, on the engine's machine", Kind.FILE),
            Argument("dry_run", "only look what is wrong with it", Kind.FLAG),
            Argument("totals", "CSV of what each balance type has to come to (default: what the file does)", Kind.FILE),
            Argument("name", "of this import: under one name, no wallet is brought over twice (default: bring)"),
        ),
        patience=3600,
    ),
    Method(
        "wallet.adjust",
        "correct a balance by hand: money or units in, or out",
        (
            _WALLET,
            _must("amount", "a decimal number; below zero: out of the wallet"),
            _OPERATOR,
            _must("reason", "why: it stands in the record"),
            _UNIT,
            Argument("balance_type", "of which balance type (default: cash)"),
            Argument("bucket", "in this bucket (default: the one that never expires)", Kind.NUMBER),
            Argument("propose", "it waits for a second operator in any case", Kind.FLAG),
            REQUEST_ID,
        ),
    ),
    Method(
        "wallet.approve",
        "another operator agrees: an adjustment that waits is done",
        (_ADJUSTMENT, _OPERATOR, REQUEST_ID),
    ),
    Method(
        "wallet.decline",
        "an adjustment that waits is not to be done",
        (_ADJUSTMENT, _OPERATOR, Argument("reason", "why not"), REQUEST_ID),
    ),
    Method(
        "wallet.adjustments",
        "what waits for a second operator, a page at a time",
        (_after("adjustment"), _LIMIT),
        on_disk=True,
        rows="adjustments",
        columns=("adjustment", "wallet", "amount", "unit", "balance_type", "operator", "until", "reason"),
    ),
    Method("wallet.release", "end a wallet's quarantine", (_WALLET, REQUEST_ID)),
    Method(
        "session.authorize",
        "may a session go ahead, and for how long? Holds money",
        (
            _must("wallet", "who pays"),
            _must("destination", "the number that is called"),
            Argument("usage", f"so much is wanted: {_USAGE} (default: as the policy says)"),
            Argument("caller", "the number that calls"),
            Argument("session_id", "your own name for the session (default: the request id)"),
            _AT,
            _TENANT,
            _TOR,
            Argument("routes", "the answer is to name carriers", Kind.FLAG),
            Argument("discount", "so many percent of the price the service takes off"),
            _REQUEST_TYPE,
            REQUEST_ID,
        ),
    ),
    Method(
        "session.start",
        "a session was answered; one that is not known is opened for --wallet and --destination",
        (
            _SESSION,
            Argument("wallet", "who pays"),
            Argument("destination", "the number that is called"),
            Argument("caller", "the number that calls"),
            _AT,
            _TOR,
            _REQUEST_TYPE,
            REQUEST_ID,
        ),
    ),
    Method(
        "session.update",
        "the usage of a session so far, and a wish for more",
        (
            _SESSION,
            _must("usage", f"of the whole session: {_USAGE}"),
            Argument("more", "so much more is wanted; none: only a report (default: as the policy says)", Kind.OR_NONE),
            _TOR,
            REQUEST_ID,
        ),
    ),
    Method(
        "session.stop",
        "a session has ended: it is charged, and the rest of what was held goes back",
        (
            _SESSION,
            _must("usage", f"of the whole session: {_USAGE}"),
            Argument("cause", "why it ended"),
            _TOR,
            REQUEST_ID,
        ),
    ),
    Method("session.release", "a session never began: all that was held goes back", (_SESSION, _TOR, REQUEST_ID)),
    Method(
        "session.disconnect",
        "end a session of whatever client; it is charged as engine.on_silence says, and its client is told",
        (_SESSION, REQUEST_ID),
    ),
    Method("session.get", "a session as it stands", (_SESSION,), on_disk=True),
    Method(
        "session.list",
        "sessions by id, a page at a time",
        (_after("session"), _LIMIT),
        on_disk=True,
        rows="sessions",
        columns=("session", "state", "wallet", "client", "destination", "created", "used", "cost", "held", "unit"),
    ),
    Method(
        "event.charge",
        "take an amount, or the price of named events or of a usage to a destination, at once",
        (
            _WALLET,
            Argument("amount", "a decimal number"),
            _UNIT,
            Argument("destination", "where no amount is given: what has the price"),
            Argument("usage", f"{_USAGE} (default: 1)"),
            Argument("tor", "type of record: what usage counts (default: message)", choices=_TOR.choices),
            _AT,
            _NOTE,
            REQUEST_ID,
            Argument("event_class", "where no amount is given: of a named event, such as VAS"),
            Argument("event", "the event's name, such as RING"),
            *_EVENTS,
        ),
    ),
    Method(
        "event.reserve",
        "hold the price of named events until they have taken place (session stop) or not (session release)",
        (
            _WALLET,
            _must("event_class", "of the event, such as VAS"),
            _must("event", "its name, such as RING"),
            *_EVENTS,
            Argument("session_id", "your name for the reservation (default: the request id)"),
            REQUEST_ID,
        ),
    ),
    Method(
        "event.refund",
        "give an amount back to a wallet",
        (_WALLET, _must("amount", "a decimal number"), _UNIT, _NOTE, REQUEST_ID),
    ),
    Method(
        "event.quote",
        "what a one-shot event would cost",
        _price("message", Argument("usage", f"{_USAGE} (default: 1)")),
    ),
    Method(
        "record.list",
        "a wallet's records in their order, a page at a time",
        (_WALLET, _after("sequence number", Kind.NUMBER), _LIMIT),
        on_disk=True,
        rows="records",
        columns=(
            *("sequence", "at", "kind", "amount", "balance", "unit", "units"),
            *("session.called", "session.usage", "note"),
        ),
    ),
    Method(
        "record.export",
        "records for a billing system: as CSV, a line for each record and posting, or as lines of tags",
        (
            Argument("wallet", "of this wallet alone (default: of all, by name)"),
            Argument("since", "from this time on, ISO 8601 (default: from the first)"),
            Argument("until", "before this time (default: to the last)"),
            _after("page", Kind.TEXT),
            Argument("limit", "records a page, 1 to 1000 (default: 1000)", Kind.NUMBER),
            Argument("form", "csv (default), or text: TAG=value|TAG=value", choices=("csv", "text")),
        ),
        on_disk=True,
        local=(Argument("out", "into this file, which appears whole or not at all (default: stdout)", Kind.FILE),),
    ),
)
