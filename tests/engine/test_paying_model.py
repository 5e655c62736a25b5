"""Random wallets pay for random calls, held against `paying_model`: an increment at a time, in fractions."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace
from tests.engine.paying_model import MAIN, Call, Payment, Tariff
from tests.engine.paying_rig import Paying, priced
from tests.snapshot_dict import interval

from tollhouse.engine.laying import Laid
from tollhouse.engine.stretches import dues
from tollhouse.snapshot.products import Cascade, Product
from tollhouse.snapshot.tariff import Rounding, Slot
from tollhouse.values.instants import HOUR, SECOND, parse_instant
from tollhouse.values.uses import Timing, Use
from tollhouse.wallet.funds import free
from tollhouse.wallet.state import Bucket, Wallet

BEGAN = parse_instant("2026-11-26T11:58:30Z")
"""Thursday. What has a time of day begins at 11:59 or 12:00."""
DECIMALS = 2
CALLED = "4420"
KNOWN = (("4420", ("LONDON", "CAPITALS")), ("44", ("DST",)), ("4", ("FOUR", "UK")))
"""The prefixes of the number, with their destinations."""
SUBJECTS = ("cheap", "steep")
TYPES = ("cash", "bonus", "minutes", "night", "gift")
WALLETS = 40


def any_tariff(dice: random.Random, name: str, rounding: Rounding, decimals: int) -> Tariff:
    def slots() -> tuple[Slot, ...]:
        starts = [0, *sorted(dice.sample(range(10, 150), dice.choice((0, 0, 1, 2))))]
        return tuple(
            Slot(
                start * SECOND,
                dice.choice((0, 0, 13, 40)) if not start else 0,
                dice.choice((0, 1, 2, 3, 7, 19)),
                2,
                dice.choice((1, 3, 7, 10)) * SECOND,
                dice.choice((1, 5, 7, 10, 60)) * SECOND,
            )
            for start in starts
        )

    made = [interval(*slots(), rounding=rounding, decimals=decimals)]
    if dice.random() < 0.3:
        noon = Timing(start=12 * 3600)
        made.append(interval(*slots(), timing=noon, weight=20, rounding=rounding, decimals=decimals))
    return Tariff(name, tuple(made))


class World:
    """A configuration for both: the engine's snapshot, the model's tariffs."""

    def __init__(self, dice: random.Random) -> None:
        rounding, decimals = dice.choice(tuple(Rounding)), dice.choice((1, 2, 4))
        self.own = any_tariff(dice, "own", rounding, decimals)
        self.subjects = {name: any_tariff(dice, name, rounding, decimals) for name in SUBJECTS}
        tariffs = {"*any": self.own, **self.subjects}
        self.snapshot = priced({name: tariff.intervals for name, tariff in tariffs.items()}, "44", DECIMALS)
        self.snapshot.tags = {prefix: tags for prefix, tags in KNOWN if prefix != "44"}
        self.cascade = tuple(dice.sample(TYPES, dice.randrange(1, 5)))
        self.snapshot.cascades["demo", "some"] = Cascade("some", self.cascade)
        self.snapshot.products["demo", "casc"] = Product("casc", cascades=(("voice", "some"),))

    def both(self, wallet: Wallet) -> tuple[Paying, Payment]:
        """The engine's side and the model's."""
        cascade = self.cascade if wallet.product else ()
        call = Call("voice", "call", KNOWN, BEGAN, self.own, self.subjects, DECIMALS, cascade)
        return Paying(self.snapshot, wallet, CALLED, BEGAN), Payment(wallet, call, BEGAN)


def any_use(dice: random.Random, kind: str) -> Use:
    tags = ("UK", "LONDON", "CAPITALS", "FOUR", "!UK", "!LONDON", "!PARIS", "PARIS")
    subject = ""
    if kind == "units":
        subject = dice.choice(("", "*zero1s", "*zero10s", "*zero1m", "cheap", "steep"))
    elif dice.random() < 0.3:
        subject = dice.choice(SUBJECTS)
    return Use(
        destinations=tuple(dice.sample(tags, dice.choice((0, 0, 0, 1, 1, 2)))),
        categories=dice.choice(((), (), (), (), ("call",), ("other",))),
        timings=dice.choice(
            ((), (), (), (Timing(start=11 * 3600 + 59 * 60),), (Timing(start=43_200),), (Timing(week_days=(5,)),))
        ),
        subject=subject,
        factors=dice.choice(((), (), (("voice", 7 * SECOND),), (("data", 3),))),
        blocker=dice.random() < 0.1,
        disabled=dice.random() < 0.05,
    )


def any_bucket(dice: random.Random, number: int) -> Bucket:
    kind = dice.choice(("money", "units", "units"))
    bounds = dice.random()
    bucket = Bucket(
        number,
        dice.choice(TYPES[1:]),
        dice.choice((0, 1, 40, 100, 200)) if kind == "money" else dice.choice((0, 9, 40, 60, 90)),
        start=BEGAN + HOUR if bounds < 0.03 else 0,
        expiry=BEGAN if bounds > 0.97 else BEGAN + dice.choice((1, 2)) * HOUR if bounds > 0.5 else 0,
        weight=dice.choice((0, 0, 10, 20)),
        order=dice.choice((1, 1, 2)),
        use=any_use(dice, kind) if dice.random() < 0.7 else None,
    )
    if kind == "units":
        service, step = dice.choice((("voice", SECOND), ("voice", SECOND), ("generic", 1), ("data", 1)))
        bucket = replace(bucket, unit="second", service=service, step=step)
        if service == "generic":
            use = bucket.use or Use()
            bucket = replace(bucket, use=replace(use, factors=(("voice", dice.choice((1, 9)) * SECOND),)))
    return replace(bucket, held=dice.choice((0, 0, 0, bucket.value, bucket.value // 2)))


def any_wallet(dice: random.Random) -> Wallet:
    others = [any_bucket(dice, number) for number in range(2, 2 + dice.randrange(5))]
    main = Bucket(MAIN, "cash", dice.choice((-5, 0, 3, 100, 500)), order=dice.choice((1, 10, 10)))
    rows = sorted((main, *others), key=lambda one: (one.order, -one.weight, one.expiry or 2**63, one.id))
    credit = dice.choice((0, 0, 0, 30, 200))
    product = "casc" if dice.random() < 0.15 else ""
    return Wallet("w", "demo", "EUR", DECIMALS, credit, tuple(rows), next_bucket=9, product=product)


def cases(seed: int, name: str) -> list[tuple[str, random.Random, World, Wallet]]:
    dice = random.Random(f"{name} {seed}")
    world = World(dice)
    return [(f"{name} {seed} case {case}", dice, world, any_wallet(dice)) for case in range(WALLETS)]


def too_much(before: Wallet, laid: Laid) -> list[tuple[int, int]]:
    """Lines that are not within what is free."""
    rest = free(before, BEGAN)
    return [(place, amount) for place, amount in laid.lines if not 0 < amount <= rest.get(place, 0)]


def agree(told: str, paying: Paying, model: Payment, laid: Laid, usages: list[int]) -> None:
    """Reach, what is held, and what each stretch owes after every one of these usages."""
    assert laid.reach == model.at, told
    assert not too_much(paying.before, laid), told
    prices = paying.ways().prices
    for usage in usages:
        owed = list(dues(laid.stretches, prices, BEGAN, usage))
        for stretch, due in zip(laid.stretches, owed, strict=True):
            assert (due.units, due.cost) == model.due(stretch.since, min(stretch.until, usage)), f"{told} {usage}"


@pytest.mark.parametrize("seed", range(50))
def test_a_grant(seed: int) -> None:
    """It reaches as far as the model pays, and any usage within it costs what the model says."""
    for told, dice, world, wallet in cases(seed, "grant"):
        paying, model = world.both(wallet)
        laid = paying.grant(target := dice.randrange(1, 250) * SECOND)
        model.grant(target)
        usages = [dice.randrange(1, laid.reach) for _ in range(4) if laid.reach]
        agree(told, paying, model, laid, [0, *usages, laid.reach])
        usage = dice.choice((0, dice.randrange(laid.reach + 1), laid.reach))
        paying.use(usage)
        paying.end()
        model.use(usage)
        assert paying.moved() == model.moved(usage), f"{told} used {usage}"
        paying.use(usage)
        assert paying.moved() == model.moved(usage), f"{told} used {usage} twice"


@pytest.mark.parametrize("seed", range(50))
def test_a_session_of_many_grants(seed: int) -> None:
    """Granted, used in part or beyond it, granted again, then ended: as the model pays at each step. Given back, the
    wallet is what it was."""
    for told, dice, world, wallet in cases(seed, "session"):
        paying, model = world.both(wallet)
        used = 0
        for _ in range(dice.randrange(1, 5)):
            target = used + dice.randrange(1, 90) * SECOND
            laid = paying.grant(target)
            model.grant(target)
            agree(f"{told} used {used}", paying, model, laid, [used, dice.randrange(used, laid.reach + used + 1)])
            beyond = dice.random() < 0.2
            used = (
                max(used, laid.reach) + dice.randrange(60 * SECOND)
                if beyond
                else dice.randrange(used, max(used, laid.reach) + 1)
            )
            paying.use(used)
            model.use(used)
            model.owe(used)
            assert paying.moved() == model.moved(used), f"{told} used {used}"
        paying.end()
        assert [one.held for one in paying.wallet.buckets] == [one.held for one in wallet.buckets], told
        paying.use(0)
        assert paying.wallet == wallet, f"{told} given back"


@pytest.mark.parametrize("seed", range(50))
def test_a_session_among_others(seed: int) -> None:
    """Granted, used as was granted or beyond it, more or less of it told when it had ended, while others take what is
    free, owe what is not, and recharge: as the model pays at each step. Given back, only the others' doing is left."""
    for told, dice, world, wallet in cases(seed, "among"):
        paying, model = world.both(wallet)
        used = 0
        for _ in range(dice.randrange(2, 9)):
            step = dice.choice(("others", "others", "grant", "grant", "use", "use", "use", "end", "less"))
            told = f"{told}, {step}"
            if step == "others":
                place = dice.choice(wallet.buckets).id
                owes = dice.randrange(1, 40) if place == MAIN and dice.random() < 0.2 else 0
                amount = dice.choice((dice.randrange(1, 60), -owes or -dice.randrange(model.left(place) + 1)))
                paying.change(place, amount)
                model.change(place, amount)
            elif step == "grant":
                target = used + dice.randrange(1, 90) * SECOND
                laid = paying.grant(target)
                model.use(used)
                model.grant(target)
                agree(told, paying, model, laid, [used, dice.randrange(used, laid.reach + used + 1)])
            elif step == "use":
                used += dice.randrange(40 * SECOND)
                paying.use(used)
                model.owe(used)
            else:
                used = used if step == "end" else dice.randrange(used + 1)
                paying.use(used)
                paying.end()
                model.use(used)
            assert paying.moved() == model.moved(used), f"{told} {used}"
        paying.end()
        assert [one.held for one in paying.wallet.buckets] == [one.held for one in wallet.buckets], told
        paying.use(0)
        assert paying.wallet == paying.first, f"{told}, given back"


@pytest.mark.parametrize("seed", range(25))
def test_many_grants_are_one(seed: int) -> None:
    """Used in part and granted again, a session costs what it costs in one go; but for buckets that began to be useful
    in the meantime, which are asked first again."""
    alike = 0
    for told, dice, world, wallet in cases(seed, "one"):
        paying, model = world.both(wallet)
        reach = model.grant(250 * SECOND)
        if model.overtaken or not reach:
            continue
        alike += 1
        for used in (*sorted(dice.randrange(reach) for _ in range(dice.randrange(4))), reach):
            laid = paying.grant(250 * SECOND)
            assert laid.reach == reach, told
            paying.use(used)
            assert paying.moved() == model.moved(used), f"{told} used {used}"
    assert alike > WALLETS // 4
