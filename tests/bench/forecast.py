"""The forecaster on simulated accounts, in simulated time: ``python -m tests.bench.forecast``. Nothing is asserted."""

from __future__ import annotations

import argparse
import time

from tests.support.harvest import Account, Judge, Regime

OTHER = Regime(volatility=0.0006, target=0.012, stop=0.01, noise=0.0006)
RANDOM = Regime(random_every_sec=600)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--positions", type=int, default=20)
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    began = time.perf_counter()
    judge = Judge(Account(seed=chosen.seed, positions=chosen.positions))

    def tell(name: str, hours: float) -> None:
        stretch = judge.run(hours)
        issuer = judge.learner.issuer
        voice = "speaks" if issuer.speaks else "silent"
        sec = time.perf_counter() - began
        print(f"{name:<24} {stretch.told()}; {voice}, limit {issuer.limit:.2f} ({sec:.0f} s)", flush=True)  # noqa: T201

    for hour in range(int(chosen.hours)):
        tell(f"harvest rule, hour {hour + 1}", 1)
    judge.account.regime = OTHER
    for hour in range(3):
        tell(f"another regime, hour {hour + 1}", 1)
    judge.account.regime = RANDOM
    for hour in range(3):
        tell(f"plans at random, hour {hour + 1}", 1)


if __name__ == "__main__":
    main()
