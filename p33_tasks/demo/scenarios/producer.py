"""Runs the decision table on a running demo: ``python -m p33_tasks.demo.scenarios.producer --simulator URL``.

It runs one case after the other, round after round, each on the symbol that was unused for the longest time. A case
reports the expected and the actual result. It runs only against the simulator in the brain's settings.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import redis
import structlog

from p33_tasks.contract.positions import position_key
from p33_tasks.demo.exchange.client import SimControl, SimControlError
from p33_tasks.demo.loops import serve
from p33_tasks.demo.names import DemoKeys
from p33_tasks.demo.scenarios.case import Case, Played, Setup, Traded, traded_on
from p33_tasks.demo.scenarios.cases import CASES
from p33_tasks.demo.scenarios.environment import Environment, StoppedError
from p33_tasks.domain.models import Leg
from p33_tasks.errors import ConfigurationError, P33Error, StoreError
from p33_tasks.log_events import LogEvent
from p33_tasks.settings import Settings
from p33_tasks.store.scripts import translated_errors

INTERVAL_SEC = 0.5
TROUBLE_PAUSE_SEC = 1.0
CASES_MAXLEN = 1_000

log = structlog.get_logger("p33.demo")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """The result of a case."""

    case: str
    symbol: str
    expected: str
    got: str
    expected_outcome: str
    outcome: str
    plan_id: str
    took_ms: int

    @property
    def ok(self) -> bool:
        """Whether verdict and execution were the expected ones."""
        return self.got == self.expected and self.outcome == self.expected_outcome


Report = Callable[[CaseResult], None]


class Producer:
    """Runs cases until ``stop`` is set."""

    def __init__(
        self,
        environment: Environment,
        traded: Sequence[Traded],
        stop: threading.Event,
        *,
        cases: Sequence[Case] = CASES,
    ) -> None:
        self._environment = environment
        self._traded = tuple(traded)
        self._symbols = tuple(dict.fromkeys(each.symbol for each in traded))
        self._stop = stop
        self._cases = tuple(cases)

    def run(self, report: Report, *, interval_sec: float = INTERVAL_SEC, rounds: int | None = None) -> None:
        """Run the cases in turn.

        Args:
            report: Called with each result.
            interval_sec: Pause between two cases.
            rounds: How often to run them all; None: until ``stop`` is set.
        """
        for case in self._script(rounds):
            began_sec = time.monotonic()
            try:
                traded, played = self._play(case)
            except StoppedError:
                return
            took_ms = int((time.monotonic() - began_sec) * 1000)
            # When the demo ends, Redis or the simulator may end before ``stop`` is set here.
            if traded is None and self._stop.wait(TROUBLE_PAUSE_SEC):
                return
            report(
                CaseResult(
                    case=case.name,
                    symbol=position_key(traded.symbol, traded.leg) if traded else "",
                    expected=case.expected,
                    got=played.got,
                    expected_outcome=case.outcome,
                    outcome=played.outcome if case.outcome else "",
                    plan_id=played.plan_id,
                    took_ms=took_ms,
                )
            )
            if self._stop.wait(interval_sec):
                return

    def _script(self, rounds: int | None) -> Iterator[Case]:
        hedged = any(traded.leg is not Leg.BOTH for traded in self._traded)
        for _ in count() if rounds is None else range(rounds):
            for case in self._cases:
                if hedged in case.modes and self._choices(case) and (len(self._symbols) > 1 or not case.many_symbols):
                    yield case

    def _choices(self, case: Case) -> list[Traded]:
        return [traded for traded in self._traded if case.side * traded.home_amt >= 0]

    def _play(self, case: Case) -> tuple[Traded | None, Played]:
        self._environment.case = case.name
        try:
            traded = min(
                self._choices(case), key=lambda traded: self._environment.quiet_at_ms(traded.symbol, traded.leg)
            )
            self._environment.hold_position(traded.symbol, case.amount(traded), traded.leg)
            return traded, case.play(Setup(environment=self._environment, traded=traded, symbols=self._symbols))
        except StoppedError:
            raise
        except (P33Error, SimControlError, redis.RedisError) as error:
            return None, Played(got=f"not played: {error}")


def log_result(result: CaseResult) -> None:
    """One line per case."""
    say = log.info if result.ok else log.warning
    say(
        "CASE",
        case=result.case,
        ok=result.ok,
        expected=result.expected,
        got=result.got,
        outcome=result.outcome,
        symbol=result.symbol,
        plan_id=result.plan_id,
        took_ms=result.took_ms,
    )


def keep_results(client: redis.Redis, keys: DemoKeys) -> Report:
    """A report function that also adds each result to the demo's stream, for display by another process."""

    def report(result: CaseResult) -> None:
        log_result(result)
        fields = {name: str(getattr(result, name)) for name in (*CaseResult.__dataclass_fields__, "ok")}
        try:
            with translated_errors():
                client.xadd(keys.cases, fields, maxlen=CASES_MAXLEN, approximate=True)  # type: ignore[arg-type]  # redis-py's invariant unions
        except StoreError as error:
            log.warning(LogEvent.CASE_NOT_KEPT, case=result.case, error=str(error))

    return report


def run_producer(
    settings: Settings,
    stop: threading.Event,
    sim: SimControl,
    *,
    report: Report | None = None,
    interval_sec: float = INTERVAL_SEC,
    rounds: int | None = None,
) -> None:
    """Run the cases on a running demo until ``stop`` is set.

    Args:
        settings: The brain's settings; their venue must be ``sim``.
        stop: Set it, and this returns within a second.
        sim: The demo's simulator.
        report: Called with each result; by default it is logged and added to ``{prefix}:demo:cases``.
        interval_sec: Pause between two cases.
        rounds: How often to run them all; None: until ``stop`` is set.

    Raises:
        ConfigurationError: The brain's settings name another exchange, or none of the demo's symbols.
    """
    if settings.exchange_base_url != sim.base_url:
        raise ConfigurationError(
            f"P33_EXCHANGE_BASE_URL={settings.exchange_base_url!r:.80}: plans are produced for the simulator at "
            f"{sim.base_url} only"
        )
    state = sim.state()
    of_demo = traded_on(state["markets"], hedged=state["hedge_mode"])
    traded = [each for each in of_demo if each.symbol in settings.allowlist]
    if not traded:
        known = ",".join(dict.fromkeys(each.symbol for each in of_demo))
        raise ConfigurationError(f"P33_ALLOWLIST holds none of the demo's symbols: {known}")
    environment = Environment.of(settings, sim, stop)
    cases = [case for case in CASES if state["has_hedge_mode"] or not case.switches_mode]
    producer = Producer(environment, traded, stop, cases=cases)
    producer.run(
        report or keep_results(environment.client, DemoKeys(environment.keys.prefix)),
        interval_sec=interval_sec,
        rounds=rounds,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m p33_tasks.demo.scenarios.producer", description=__doc__)
    parser.add_argument("--simulator", required=True, metavar="URL", help="as the simulator printed it")
    parser.add_argument("--interval", type=float, default=INTERVAL_SEC, metavar="SEC", help="between two cases")
    parser.add_argument("--rounds", type=int, default=None, help="how often to play all cases; for ever by default")
    chosen = parser.parse_args(argv)
    return serve(
        lambda settings, stop: run_producer(
            settings, stop, SimControl(chosen.simulator), interval_sec=chosen.interval, rounds=chosen.rounds
        )
    )


if __name__ == "__main__":
    sys.exit(main())
