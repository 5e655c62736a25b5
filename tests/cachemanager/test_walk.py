"""Random changes of a tariff, a few statements at a time: compiled piece by piece it comes to the same as at once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.configdb.support import TENANT, Compiled, compiled, open_tenant

from tollhouse.configdb.importing import import_folder

TAGS = [f"D{number}" for number in range(8)]
RATES = [f"R{number}" for number in range(4)]
STEPS = 60


def folder(path: Path) -> Path:
    """Eight destinations of a prefix each, two destination rates, a rating plan of both and one of the second."""
    path.mkdir()
    files = {
        "Destinations.csv": [f"{tag},{place + 10}" for place, tag in enumerate(TAGS)],
        "Rates.csv": [f"{rate},0,0.0{place + 1},60s,1s,0s" for place, rate in enumerate(RATES)],
        "DestinationRates.csv": [
            *(f"DR_A,{tag},{RATES[place % 4]},*up,4,0," for place, tag in enumerate(TAGS)),
            "DR_B,*any,R0,*up,4,0,",
        ],
        "RatingPlans.csv": ["RP_1,DR_A,*any,10", "RP_1,DR_B,*any,20", "RP_2,DR_B,*any,10"],
        "RatingProfiles.csv": [
            f"{TENANT},call,*any,2014-01-14T00:00:00Z,RP_1,",
            f"{TENANT},call,1001,2014-01-14T00:00:00Z,RP_2,",
        ],
    }
    for name, lines in files.items():
        (path / name).write_text("\n".join(lines))
    return path


def statement(dice: random.Random) -> str:
    """A prefix or a price more, less or otherwise. Both destination rates keep a price, R0 at least for D0."""
    tag, rate, prefix = dice.choice(TAGS[1:]), dice.choice(RATES), str(dice.randrange(10, 60))
    some = dice.choice([*TAGS[1:], "*any"])
    by = dice.choice(("DR_A", "DR_B"))
    there = f"EXISTS (SELECT 1 FROM tariff_destinations WHERE tag = '{tag}' AND prefix = '{prefix}')"
    mine = f"plan = 'walk' AND destination = '{some}' AND tag = '{by}' AND destination <> 'D0'"
    return dice.choice(
        (
            f"INSERT INTO tariff_destinations (plan, tag, prefix) SELECT 'walk', '{tag}', '{prefix}' WHERE NOT {there}",
            f"DELETE FROM tariff_destinations WHERE prefix = '{prefix}' AND tag <> 'D0' AND "
            "tag IN (SELECT tag FROM tariff_destinations GROUP BY tag HAVING count(*) > 1)",
            f"UPDATE tariff_destinations SET tag = '{tag}' WHERE prefix = '{prefix}' AND NOT {there} AND tag IN "
            "(SELECT tag FROM tariff_destinations GROUP BY tag HAVING count(*) > 1)",
            "INSERT INTO tariff_destination_rates "
            "(plan, tag, destination, rate, rounding, decimals, max_cost, max_cost_strategy) "
            f"SELECT 'walk', '{by}', '{some}', '{rate}', '*up', 4, '0', '' WHERE NOT EXISTS "
            f"(SELECT 1 FROM tariff_destination_rates WHERE tag = '{by}' AND destination = '{some}')",
            f"DELETE FROM tariff_destination_rates WHERE {mine} AND "
            "(SELECT count(*) FROM tariff_destination_rates AS r WHERE r.tag = tariff_destination_rates.tag) > 1",
            f"UPDATE tariff_destination_rates SET decimals = {dice.randrange(3, 6)} WHERE {mine}",
            f"UPDATE tariff_destination_rates SET rate = '{rate}' WHERE {mine}",
            f"UPDATE tariff_rates SET rate = '0.0{dice.randrange(1, 9)}' WHERE tag = '{rate}'",
        )
    )


@pytest.mark.parametrize("seed", range(4))
def test_piece_by_piece_comes_to_the_same_as_at_once(tmp_path: Path, seed: int) -> None:
    database = open_tenant(tmp_path)
    assert import_folder(database, folder(tmp_path / "walk")).problems == ()
    dice = random.Random(seed)
    moved = 0
    with compiled(database, tmp_path) as pieces:
        for step in range(STEPS):
            done = [statement(dice) for _ in range(dice.randint(1, 3))]
            moved += pieces.sql(*done)
            assert pieces.problems() == [], done
            (tmp_path / str(step)).mkdir()
            whole = Compiled(database, tmp_path / str(step))
            assert pieces.rows() == whole.rows(), done
            whole.close()
    assert moved > STEPS // 2
