"""The regression over everything: what it may learn once more, and a rule that is not one on the gain."""

from __future__ import annotations

from p33_tasks.forecaster.model import REMEMBERED, PlanModel
from tests.support.harvest import Account, Judge, Regime


def test_what_may_be_learned_once_more_is_bounded_and_without_it_nothing_happens() -> None:
    model = PlanModel()
    model.rehearse(10)
    assert model.to_numbers() == PlanModel().to_numbers()
    for _ in range(REMEMBERED + 10):
        model.learn({"left": 0.5}, None)
    assert len(model._remembered) == REMEMBERED
    before = model.to_numbers()["weights"]["left"]
    model.rehearse(50)
    assert model.to_numbers()["weights"]["left"] < before


def test_of_a_rule_on_the_loss_from_the_best_gain_it_counts_more_than_the_hazards() -> None:
    judge = Judge(Account(seed=4, positions=12, regime=Regime(acts=1.0, trailing=0.004, lasts_sec=900)))
    judge.run(2)
    learned = judge.run(1)
    losses = judge.learner.mixture.losses
    assert min(losses, key=lambda name: losses[name]) == "model", losses
    assert learned.ratio <= 0.9, learned.summary()
