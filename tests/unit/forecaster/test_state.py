"""What was learned survives a restart; what is damaged is not used."""

from __future__ import annotations

import json
from typing import Any

import pytest

from p33_tasks.errors import CorruptStateError
from p33_tasks.forecaster.state import Learned, decode_state, encode_state
from tests.support.harvest import Account, Judge, Regime


@pytest.fixture(scope="module")
def learned() -> Learned:
    judge = Judge(Account(seed=3, positions=6, regime=Regime(volatility=0.001)))
    judge.run(0.5)
    found = Learned(learner=judge.learner, read={"quantum:stream:apply.plan": "1800000000000-3"})
    found.totals["plans"] = 7
    return found


def test_it_goes_on_as_it_was(learned: Learned) -> None:
    again = decode_state(encode_state(learned))
    assert encode_state(again) == encode_state(learned)
    account = Account(seed=9, positions=6)
    for _ in range(30):
        list(account.step())
    given = {"gain3": 1.0, "left": 0.5, "reach": 0.3}
    before, after = learned.learner.model.predict(given), again.learner.model.predict(given)
    assert before
    assert after == pytest.approx(before, rel=1e-4)
    assert again.learner.tracks == learned.learner.tracks
    assert {name: one.to_numbers() for name, one in again.learner.hazards.items()} == {
        name: one.to_numbers() for name, one in learned.learner.hazards.items()
    }
    assert again.learner.hazards["short"].to_numbers() != again.learner.hazards["long"].to_numbers()
    assert again.learner.mixture.losses == learned.learner.mixture.losses
    assert again.learner.mixture.at_ms == learned.learner.mixture.at_ms
    assert (again.read, again.totals) == (learned.read, learned.totals)
    assert again.learner.scores.ratio == pytest.approx(learned.learner.scores.ratio)
    again.learner.model.learn(given, "1")
    assert again.learner.model.predict(given)["1"] > after.get("1", 0)


def test_it_is_small_enough_to_be_kept(learned: Learned) -> None:
    assert len(encode_state(learned)) < 200_000


def damaged(learned: Learned, *path: Any, value: Any) -> str:
    found = json.loads(encode_state(learned))
    inner = found
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return json.dumps(found)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 1),
        (("version",), None),
        (("model", "weights"), {"left": float("nan")}),
        (("model", "intercept"), 1e300),
        (("model", "squares"), []),
        (("model", "actions"), {"2": {}}),
        (("model", "actions"), {"1": {str(n): 0.0 for n in range(6_000)}}),
        (("scores", "weight"), -1),
        (("scores", "bins"), []),
        (("tracks",), {"BTCUSDT": {}}),
        (("tracks",), []),
        (("hazards", "short", "plans"), {"1": [[0.0]]}),
        (("hazards", "short", "plans"), {"2": [[0.0] * 101] * 4}),
        (("hazards", "long", "time_sec"), 7),
        (("hazards", "long", "time_sec"), [[-1.0] * 101] * 4),
        (("hazards",), {}),
        (("losses",), {"long": -1.0}),
        (("losses",), []),
        (("judged_ms",), 0.5),
        (("read",), {"s": "no id"}),
        (("limit",), "0.3"),
        (("totals",), {}),
    ],
)
def test_damage_of_any_kind_is_told_and_nothing_of_it_used(learned: Learned, path: Any, value: Any) -> None:
    with pytest.raises(CorruptStateError):
        decode_state(damaged(learned, *path, value=value))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '{"version":3}', "[" * 100_000, "x" * 9_000_000])
def test_what_is_no_state_is_damage(text: str) -> None:
    with pytest.raises(CorruptStateError):
        decode_state(text)


def test_too_many_positions_are_damage(learned: Learned) -> None:
    found = json.loads(encode_state(learned))
    track = next(iter(found["tracks"].values()))
    found["tracks"] = {f"S{n}": track for n in range(2_001)}
    with pytest.raises(CorruptStateError, match="2001 positions"):
        decode_state(json.dumps(found))
