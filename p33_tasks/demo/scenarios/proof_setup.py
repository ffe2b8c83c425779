"""The setup of ``p33 proof``: a simulator (never a real venue), an executor and a governor."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog

from p33_tasks.cli.failures import Failure
from p33_tasks.cli.session import Session
from p33_tasks.contract.markets import MARKET_FIELDS, decode_market
from p33_tasks.demo.exchange.client import SimControl, SimControlError
from p33_tasks.demo.executor.apply_layer import run_apply_layer
from p33_tasks.demo.governor import Limits, run_governor
from p33_tasks.demo.names import APPLY_GROUP, GOVERNOR_GROUP, DemoKeys
from p33_tasks.demo.scenarios.environment import Environment, SetupTimeoutError, SymbolState
from p33_tasks.domain.models import Leg, MarketRules
from p33_tasks.store.scripts import translated_errors

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
PROBE_TIMEOUT_SEC = 4.0
PRODUCER_QUIET_MS = 15_000
CONSUMER = "proof"
JOIN_TIMEOUT_SEC = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofSetup:
    """The position that the cases use, and its environment."""

    environment: Environment
    session: Session
    symbol: str
    leg: Leg  # the leg that the cases use; BOTH in one-way mode
    market: MarketRules
    executor_and_governor: str  # which executor and governor are used, as text

    def state(self) -> SymbolState:
        """The state of the position that the cases use."""
        return self.environment.state(self.symbol, self.leg)

    @property
    def side(self) -> dict[str, str]:
        """The plan fields that name the leg."""
        return {} if self.leg is Leg.BOTH else {"positionSide": str(self.leg)}


def simulator_of(session: Session) -> SimControl:
    """The simulator in the brain's settings.

    Raises:
        Failure: The settings name another exchange: the proof changes positions and answers.
    """
    settings = session.settings
    url = settings.exchange_base_url
    if url is None or urlsplit(url).hostname not in LOOPBACK:
        raise Failure(
            f"the proof moves positions and breaks the exchange's answers, so it only runs on a simulator on this "
            f"machine; this configuration's exchange is {session.source}. Start one with: p33 up --no-producer"
        )
    key, secret = settings.api_credentials
    sim = SimControl(
        url,
        api_key=key.get_secret_value() if key else "",
        api_secret=secret.get_secret_value() if secret else "",
    )
    try:
        sim.state()
    except (SimControlError, ValueError) as error:
        raise Failure(f"{url} is not our simulator, or it doesn't answer: {error}") from error
    return sim


@contextlib.contextmanager
def prepared(session: Session, symbol: str, leg: Leg, tell: Callable[[str], None]) -> Iterator[ProofSetup]:
    """The setup of a proof; starts an executor and a governor in this process if no other one answers.

    Raises:
        Failure: The symbol can't be used, no worker judges plans, or the demo's producer is running.
    """
    sim, stop = simulator_of(session), threading.Event()
    environment = Environment(
        client=session.client,
        keys=session.keys,
        sim=sim,
        policy=session.settings.policy,
        source=session.source,
        stop=stop,
    )
    _refuse_beside_a_producer(session)
    if sim.state()["hedge_mode"] is (leg is Leg.BOTH):
        raise Failure("in hedge mode choose a leg with --side LONG or --side SHORT; in one-way mode there is none")
    market = _market_of(session, symbol)
    tell("looking who judges, grants and executes")
    missing = _missing_executor_and_governor(environment, session, symbol, leg)
    _be_quiet()
    threads = [threading.Thread(target=run, args=(session, stop), name=name) for name, run in missing.items()]
    for thread in threads:
        thread.start()
    whose = f"{' and '.join(missing)} in this process" if missing else "executor and governor that were running"
    try:
        yield ProofSetup(
            environment=environment, session=session, symbol=symbol, leg=leg, market=market, executor_and_governor=whose
        )
    finally:
        stop.set()
        for thread in threads:
            thread.join(JOIN_TIMEOUT_SEC)
        if missing:
            _leave_the_groups(session)


def _refuse_beside_a_producer(session: Session) -> None:
    with translated_errors():
        latest = session.client.xrevrange(DemoKeys(session.keys.prefix).cases, count=1)
        seconds, _ = session.client.time()
    if latest and seconds * 1000 - int(str(latest[0][0]).partition("-")[0]) < PRODUCER_QUIET_MS:
        raise Failure(
            "the demo's producer is playing its own cases on the same positions; start the demo without it: "
            "p33 up --no-producer"
        )


def _market_of(session: Session, symbol: str) -> MarketRules:
    if symbol not in session.settings.allowlist:
        raise Failure(f"{symbol} is not in P33_ALLOWLIST; choose another with --symbol")
    with translated_errors():
        raw: Any = session.client.hmget(session.keys.market(symbol), MARKET_FIELDS)
        held = session.client.get(session.keys.hold(symbol))
    if held is not None:
        raise Failure(f"{symbol} is on hold; find out why (p33 hold list), or choose another with --symbol")
    market = decode_market(symbol, raw, session.source)
    if market is None:
        raise Failure(f"the step size of {symbol} is unknown: do worker and beat run? See p33 check")
    return market


def _missing_executor_and_governor(
    environment: Environment, session: Session, symbol: str, leg: Leg
) -> dict[str, Callable[..., None]]:
    """Find out, with a plan that is always denied, which of executor and governor don't answer."""
    plan_id = environment.send(symbol, "HOLD", **({} if leg is Leg.BOTH else {"positionSide": str(leg)}))
    try:
        environment.verdict(plan_id)
    except SetupTimeoutError as error:
        raise Failure(f"nobody judges plans: {error} See p33 check") from error
    governor_key = session.keys.governor_permit(plan_id, session.settings.governor_permit_key)
    missing: dict[str, Callable[..., None]] = {}
    for name, run, look in (
        ("executor", _execute, lambda: bool(environment.outcomes(plan_id))),
        ("governor", _govern, lambda: bool(session.client.exists(governor_key))),
    ):
        try:
            environment.wait_for(look, name, PROBE_TIMEOUT_SEC if not missing else 0.0)
        except SetupTimeoutError:
            missing[name] = run
    return missing


def _execute(session: Session, stop: threading.Event) -> None:
    # In the usual group: if another executor is running, each plan is still executed by one of them.
    run_apply_layer(session.settings, stop, consumer=CONSUMER)


def _govern(session: Session, stop: threading.Event) -> None:
    generous = Limits(per_5_min=10**6, per_hour=10**6, daily_notional=Limits().daily_notional * 10**9)
    run_governor(session.settings, stop, limits=generous, consumer=CONSUMER)


def _leave_the_groups(session: Session) -> None:
    for group in (APPLY_GROUP, GOVERNOR_GROUP):
        with contextlib.suppress(Exception), translated_errors():
            session.client.xgroup_delconsumer(session.keys.plans, group, CONSUMER)


def _be_quiet() -> None:
    """Keep the logs of executor and governor out of this command's output."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
