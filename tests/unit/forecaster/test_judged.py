"""The forecaster on a simulated account, in simulated time: what it must reach, and when it must be silent.

``python -m tests.bench.forecast`` judges the same on more accounts, beside an oracle.
"""

from __future__ import annotations

import pytest

from tests.support.harvest import Account, Judge, Regime, Stretch
from tests.support.oracle import judge_of_an_oracle

POSITIONS = 12
OTHER = Regime(volatility=0.0006, target=0.012, stop=0.01, noise=0.0006)
RANDOM = Regime(random_every_sec=600)


def is_good(found: Stretch) -> bool:
    return found.ratio <= 0.7 and found.share >= 0.6 and found.cost <= 3


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(Account(seed=2, positions=POSITIONS))


def test_it_learns_a_rule_forgets_it_for_another_and_is_silent_where_there_is_none(judge: Judge) -> None:
    from_nothing = judge.run(3)
    assert from_nothing.plans > 180
    assert is_good(from_nothing), from_nothing.summary()  # the hour of learning is part of it
    assert judge.learner.issuer.speaks

    judge.account.regime = OTHER
    judge.run(1)  # an hour to find its way back
    back = judge.run(1)
    assert back.plans > 60
    assert is_good(back), back.summary()

    judge.account.regime = RANDOM
    judge.run(0.75)
    silent = judge.run(0.5)
    assert not judge.learner.issuer.speaks, judge.learner.issuer.why
    assert silent.plans > 10
    assert silent.published == 0


def test_from_nothing_it_is_silent_until_it_is_better_than_the_base_rate() -> None:
    judge = Judge(Account(seed=5, positions=POSITIONS, regime=RANDOM))
    found = judge.run(1)
    assert found.plans > 50
    assert found.published == 0
    assert "base rate" in judge.learner.issuer.why


def test_somebody_who_knows_the_rule_but_not_its_noise_reaches_little_more() -> None:
    oracle = judge_of_an_oracle(Account(seed=2, positions=POSITIONS))
    known = oracle.run(3)
    assert 0.55 < known.ratio < 0.7, known.summary()
    assert is_good(known), known.summary()
