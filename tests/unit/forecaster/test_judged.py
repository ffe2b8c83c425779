"""The forecaster on a simulated account, in simulated time: what it must reach, and when it must be silent."""

from __future__ import annotations

import pytest

from tests.support.harvest import Account, Judge, Regime

POSITIONS = 12
HARVEST = Regime(acts=1.0)
OTHER = Regime(acts=1.0, volatility=0.0006, target=0.012, stop=0.01, noise=0.0006)
RANDOM = Regime(random_every_sec=600)


@pytest.fixture(scope="module")
def taught() -> Judge:
    """Two hours of a harvest rule with noise, from nothing."""
    judge = Judge(Account(seed=2, positions=POSITIONS, regime=HARVEST))
    judge.run(2)
    return judge


def test_it_learns_a_rule_forgets_it_for_another_and_is_silent_where_there_is_none(taught: Judge) -> None:
    assert taught.learner.issuer.speaks
    learned = taught.run(1)
    assert learned.plans > 50
    assert learned.ratio <= 0.7, learned.told()
    assert learned.share >= 0.6, learned.told()
    assert learned.cost <= 3, learned.told()

    taught.account.regime = OTHER
    taught.run(1)  # an hour to find its way back
    back = taught.run(1)
    assert back.ratio <= 0.7, back.told()
    assert back.share >= 0.6, back.told()
    assert back.cost <= 3, back.told()

    taught.account.regime = RANDOM
    taught.run(0.75)
    silent = taught.run(0.5)
    assert not taught.learner.issuer.speaks, taught.learner.issuer.why
    assert silent.plans > 10
    assert silent.published == 0


def test_from_nothing_it_is_silent_until_it_is_better_than_the_base_rate() -> None:
    judge = Judge(Account(seed=5, positions=POSITIONS, regime=RANDOM))
    found = judge.run(1)
    assert found.plans > 50
    assert found.published == 0
    assert "base rate" in judge.learner.issuer.why
