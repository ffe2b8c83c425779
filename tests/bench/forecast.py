"""The forecaster judged on simulated accounts, in simulated time: ``python -m tests.bench.forecast``.

Each account begins with nothing learned: three hours of a harvest rule with noise, three of another one in a market
that moves twice as much, two of plans at random. Beside the model stands an oracle that knows the rule and chooses in
the same way what to publish. Refreshes that the forecaster wishes for are not granted. A goal is for all accounts
together; where one is missed, the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.support.harvest import Account, Judge, Regime, Stretch
from tests.support.oracle import judge_of_an_oracle

HARVEST = Regime()
OTHER = Regime(volatility=0.0006, target=0.012, stop=0.01, noise=0.0006)
RANDOM = Regime(random_every_sec=600)
MOST_RATIO, LEAST_SHARE, MOST_COST = 0.7, 0.6, 3.0
REGIMES = {HARVEST: "harvest rule", OTHER: "another regime", RANDOM: "plans at random"}
JUDGES: dict[str, Callable[[Account], Judge]] = {"model": Judge, "oracle": judge_of_an_oracle}


@dataclass(kw_only=True)
class Goal:
    """A stretch of each account's time, and what the model must reach in all of them together."""

    name: str
    silent: bool = False
    stretches: dict[str, list[Stretch]] = field(default_factory=lambda: {who: [] for who in JUDGES})

    def met(self) -> bool:
        model = Stretch.of(self.stretches["model"])
        if self.silent:
            return model.published == 0
        return model.ratio <= MOST_RATIO and model.share >= LEAST_SHARE and model.cost <= MOST_COST


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--positions", type=int, default=20)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14, 15])
    parser.add_argument(
        "--acts", type=float, default=HARVEST.acts, help="how often a rule acts on what it sees, 0 to 1"
    )
    chosen = parser.parse_args()
    goals = {
        "from nothing": Goal(name="three hours from nothing, the first one among them"),
        "learned": Goal(name="the second and third hour"),
        "back": Goal(name="another regime, from an hour after the change"),
        "random": Goal(name="plans at random, from an hour after the change", silent=True),
    }
    for seed in chosen.seeds:
        for who, judged_by in JUDGES.items():
            judge = judged_by(Account(seed=seed, positions=chosen.positions))
            for regime, hours, names in (
                (HARVEST, 3, (("from nothing",), ("from nothing", "learned"), ("from nothing", "learned"))),
                (OTHER, 3, ((), ("back",), ("back",))),
                (RANDOM, 2, ((), ("random",))),
            ):
                judge.account.regime = regime if regime is RANDOM else replace(regime, acts=chosen.acts)
                for hour in range(hours):
                    stretch = judge.run(1)
                    print(f"seed {seed}, {who:6} {REGIMES[regime]}, hour {hour + 1}: {stretch.summary()}", flush=True)  # noqa: T201
                    for name in names[hour]:
                        goals[name].stretches[who].append(stretch)
    for goal in goals.values():
        print(f"{'met' if goal.met() else 'MISSED':6} {goal.name}")  # noqa: T201
        for who, stretches in goal.stretches.items():
            print(f"       {who:6} {Stretch.of(stretches).summary()}")  # noqa: T201
    return 0 if all(goal.met() for goal in goals.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
