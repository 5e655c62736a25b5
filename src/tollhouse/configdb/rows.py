"""Rows of the config database as plain frozen values: what the compiler reads. Texts are as they lie in SQL."""

from __future__ import annotations

import msgspec


class UnitRow(msgspec.Struct, frozen=True, gc=False):
    """What amounts are counted in; `kind`: money, time (seconds), data (octets) or count."""

    name: str
    decimals: int
    kind: str = "money"


class TenantRow(msgspec.Struct, frozen=True, gc=False):
    """An operator's namespace; its tariffs are in `unit` and read the clock of `zone` (IANA name)."""

    name: str
    unit: str
    zone: str = "UTC"
    subject_prefixes: int = 0
    """1: a subject without a profile is looked up with characters dropped from the right until one has one."""


class BalanceTypeRow(msgspec.Struct, frozen=True, gc=False):
    """A kind of money or units; the lowest order pays first.

    `service` empty: as the kind of its unit says. `minimum`, `maximum`: decimal text in the unit, 0 = none.
    """

    name: str
    unit: str
    cascade_order: int
    service: str = ""
    category: str = "general"
    limit_type: str = "debit"
    minimum: str = "0"
    maximum: str = "0"
    maximum_policy: str = "allow"
    deletable: int = 1
    discount: int = 0
    period: str = ""


class GatewayRow(msgspec.Struct, frozen=True, gc=False):
    """A switch, NAS or peer; `protocols` separated by commas, secrets sealed."""

    tenant: str
    name: str
    cidr: str
    secret: str
    secret2: str
    protocols: str
    require_message_authenticator: int


class AccountRow(msgspec.Struct, frozen=True, gc=False):
    """How a client's request is recognised; password sealed; `addresses` are CIDR blocks."""

    id: int
    tenant: str
    client: str | None
    name: str
    password: str
    ani: str | None
    tech_prefix: str
    wallet: str
    subject: str
    category: str
    enabled: int
    legs: str = ""
    """Accounts, separated by `;`, that are charged for its sessions, too."""
    request_type: str = "prepaid"
    addresses: tuple[str, ...] = ()


class LostAddressRow(msgspec.Struct, frozen=True, gc=False):
    """A block of an account that is not there: plain SQL can do that where it does not ask for foreign keys."""

    account: int
    cidr: str


class CarrierRow(msgspec.Struct, frozen=True, gc=False):
    """Who takes calls; `plan` names its prices."""

    name: str
    host: str
    plan: str
    strip: int
    add_prefix: str
    priority: int
    enabled: int


class CarrierRateRow(msgspec.Struct, frozen=True, gc=False):
    """A carrier plan's price per minute for a prefix; an empty prefix is every number."""

    plan: str
    prefix: str
    price: str


class DestinationRow(msgspec.Struct, frozen=True, gc=False):
    """A prefix of a destination."""

    plan: str
    tag: str
    prefix: str


class TimingRow(msgspec.Struct, frozen=True, gc=False):
    """When an interval begins; lists separated by `;`, empty or `*any` = unrestricted."""

    plan: str
    tag: str
    years: str
    months: str
    month_days: str
    week_days: str
    time: str


class RateRow(msgspec.Struct, frozen=True, gc=False):
    """A slot of a rate; durations as in CGRateS's files (`60s`, bare numbers are nanoseconds or units)."""

    plan: str
    tag: str
    connect_fee: str
    rate: str
    rate_unit: str
    rate_increment: str
    slot_start: str


class DestinationRateRow(msgspec.Struct, frozen=True, gc=False):
    """A destination (or `*any`) at a rate, and how its cost is rounded."""

    plan: str
    tag: str
    destination: str
    rate: str
    rounding: str
    decimals: int
    max_cost: str
    max_cost_strategy: str


class RatingPlanRow(msgspec.Struct, frozen=True, gc=False):
    """A destination rate in force at a timing (or `*any`)."""

    plan: str
    tag: str
    destination_rate: str
    timing: str
    weight: str


class RatingProfileRow(msgspec.Struct, frozen=True, gc=False):
    """From `activation` (ISO 8601) on, the subject pays by this rating plan; fallback subjects separated by `;`."""

    plan: str
    tenant: str
    category: str
    subject: str
    activation: str
    rating_plan: str
    fallback: str


class Parties(msgspec.Struct, frozen=True):
    """The small tables that everything else refers to."""

    units: tuple[UnitRow, ...] = ()
    tenants: tuple[TenantRow, ...] = ()
    balance_types: tuple[BalanceTypeRow, ...] = ()
    clients: tuple[tuple[str, str], ...] = ()
    """(tenant, name)."""
    gateways: tuple[GatewayRow, ...] = ()


class ProductRow(msgspec.Struct, frozen=True, gc=False):
    """What wallets are sold as; periods are text (`90d`, `12h`), 0: that never happens. `max_sessions` 0: any."""

    tenant: str
    name: str
    initial: str = "0"
    preuse: str = "0"
    dormant: str = "0"
    terminated: str = "0"
    removed: str = "0"
    max_sessions: int = 0


class PromotionRow(msgspec.Struct, frozen=True, gc=False):
    """What the activation of a product's wallet credits; `amount` in the balance type's unit."""

    tenant: str
    product: str
    balance_type: str
    amount: str
    lasts: str = "0"


class BucketPeriodRow(msgspec.Struct, frozen=True, gc=False):
    """How long a product's buckets of a balance type live from activation."""

    tenant: str
    product: str
    balance_type: str
    lasts: str


class ProductCascadeRow(msgspec.Struct, frozen=True, gc=False):
    """Which cascade pays for a service in a product's wallets."""

    tenant: str
    product: str
    service: str
    cascade: str


class CascadeRow(msgspec.Struct, frozen=True, gc=False):
    """A place in the order in which balance types pay, the lowest position first."""

    tenant: str
    name: str
    position: int
    balance_type: str


class BatchRow(msgspec.Struct, frozen=True, gc=False):
    """Subscriber accounts that were made together; `expiry` ISO 8601, empty: never."""

    tenant: str
    name: str
    product: str
    active: int = 1
    expiry: str = ""


class ParameterRow(msgspec.Struct, frozen=True, gc=False):
    """A tenant's own value of one of its rules, such as `reservation.longest_seconds`."""

    tenant: str
    name: str
    value: str


class SharedGroupRow(msgspec.Struct, frozen=True, gc=False):
    """In which order a shared group's members pay for a wallet, or `*any`: for each that has no row of its own.

    `plan`: the import that it belongs to, empty: none. `rating_subject` is kept for the export, and prices nothing.
    """

    plan: str
    tenant: str
    name: str
    wallet: str
    strategy: str
    rating_subject: str = ""


class NamedEventRow(msgspec.Struct, frozen=True, gc=False):
    """What one event of the class and name costs a product's wallets in a unit; product empty: all of them."""

    tenant: str
    event_class: str
    name: str
    unit: str
    price: str
    product: str = ""


class ProductDiscountRow(msgspec.Struct, frozen=True, gc=False):
    """A discount of a product (empty: of all) on days and at times of the tenant's zone, lists separated by `;`.

    Of several that hold the lowest position counts, the product's own first. Lists and `service` empty: any.
    """

    tenant: str
    product: str
    position: int
    percent: str
    service: str = ""
    years: str = ""
    months: str = ""
    month_days: str = ""
    week_days: str = ""
    starts: str = "00:00:00"
    ends: str = "24:00:00"


class Products(msgspec.Struct, frozen=True):
    """All that wallets are sold as."""

    products: tuple[ProductRow, ...] = ()
    promotions: tuple[PromotionRow, ...] = ()
    bucket_periods: tuple[BucketPeriodRow, ...] = ()
    product_cascades: tuple[ProductCascadeRow, ...] = ()
    cascades: tuple[CascadeRow, ...] = ()
    batches: tuple[BatchRow, ...] = ()
    parameters: tuple[ParameterRow, ...] = ()
    shared_groups: tuple[SharedGroupRow, ...] = ()
    named_events: tuple[NamedEventRow, ...] = ()
    product_discounts: tuple[ProductDiscountRow, ...] = ()


class ImportRow(msgspec.Struct, frozen=True, gc=False):
    """How an import prices calls: `exact`, or `cgrates`, which rounds prices at `price_decimals` (0..7) first."""

    plan: str
    pricing: str
    price_decimals: int = 5


class Plans(msgspec.Struct, frozen=True):
    """What tariffs say, but for the prefixes of their destinations."""

    unknown: frozenset[tuple[str, str]] = frozenset()
    """(plan, tag) of the destinations that are priced and have no prefix."""
    priced: frozenset[tuple[str, str]] = frozenset()
    """(plan, tag) of the destination rates that rating plans name and that are there."""
    only: frozenset[tuple[str, str]] | None = None
    """(plan, destination): of destination rates there are only theirs, and of rates only what these name; None: all."""
    timings: tuple[TimingRow, ...] = ()
    rates: tuple[RateRow, ...] = ()
    destination_rates: tuple[DestinationRateRow, ...] = ()
    rating_plans: tuple[RatingPlanRow, ...] = ()
    rating_profiles: tuple[RatingProfileRow, ...] = ()
    imports: tuple[ImportRow, ...] = ()
    """An import without a row is exact."""


class Rows(msgspec.Struct, frozen=True):
    """The configuration, or the part of it that changed: None = that part did not.

    Of accounts, carrier rates and destinations there may be only some rows: then `account_ids` or the prefixes say
    which were asked for, and one that was asked for and is not there is gone; None = all rows are there.
    """

    database: str
    revision: int
    parties: Parties
    parties_changed: bool = True
    products: Products | None = None
    plans: Plans | None = None
    accounts: tuple[AccountRow, ...] | None = None
    account_ids: frozenset[int] | None = None
    lost_addresses: tuple[LostAddressRow, ...] = ()
    carriers: tuple[CarrierRow, ...] = ()
    carrier_plans: frozenset[str] = frozenset()
    carrier_rates: tuple[CarrierRateRow, ...] | None = None
    carrier_prefixes: frozenset[str] | None = None
    destinations: tuple[DestinationRow, ...] | None = None
    destination_prefixes: frozenset[tuple[str, str]] | None = None
    """(plan, prefix); prefix `*any`: what destination `*any` is priced by. Where there are rows, `plans` has the
    prices of all their destinations."""


class Task(msgspec.Struct, frozen=True, gc=False):
    """Money that a tariff folder gives a wallet, once: `request_id` is the key under which the engine does it.

    `amount` is decimal text in the tenant's unit; `reset`: what the balance type held before goes first; `expiry` in
    microseconds since the epoch, 0 = never.
    """

    request_id: str
    tenant: str
    wallet: str
    amount: str
    balance_type: str
    reset: bool
    expiry: int
    weight: int
    groups: tuple[str, ...] = ()
    """The shared groups that it is open to."""
