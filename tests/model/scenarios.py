"""The cases that are explored in full: small enough for every test run, or larger for ``make faults``."""

from __future__ import annotations

from typing import Any

from tests.model.scenario import FULL, HALF, Scenario
from tests.model.state import Limits

SHORT_TTL = Limits(ttl=1, cooldown=3)
SHORT_COOLDOWN = Limits(cooldown=1, ttl=3)

LONG_TTL = Limits(ttl=4)

TWO_LEGS: dict[str, Any] = {"legs": (0, 1), "actions": (FULL, FULL), "start": 1, "gives_up": False}

SMALL: tuple[Scenario, ...] = (
    Scenario(name="two plans, two workers, two executors", workers=2, executors=2),
    Scenario(name="orders that execute nothing, rejections without proof", unfilled=True, strays=True, executors=2),
    Scenario(name="a refusal that isn't one", lies=True, workers=2, gives_up=False),
    Scenario(name="a refusal that isn't one, the execution told later", lies=True, owns_up=True, gives_up=False),
    Scenario(name="results recorded late", told_later=True, gives_up=False),
    Scenario(name="a hold comes and goes", holds=1, gives_up=False),
    Scenario(name="the service holds the position", service_holds=1, gives_up=False, executors=2),
    Scenario(name="trades outside, answers of the venue overtake each other", trades=1, refreshers=2, gives_up=False),
    Scenario(name="Redis restarts and forgets", crashes=1, gives_up=False),
    Scenario(name="an order of unknown outcome", doubts=True, unfilled=True, gives_up=False),
    Scenario(name="a plan that was foreseen", preparers=1, gives_up=False, actions=(FULL,)),
    Scenario(name="a foreseen plan under a hold", preparers=1, service_holds=1, gives_up=False, actions=(FULL,)),
    Scenario(name="a lowered lifetime of permits", cuts=1, getdel=True, gives_up=False, limits=LONG_TTL),
    Scenario(name="executors that only GET and DEL", getdel=True, unfilled=True),
    Scenario(name="a permit that lives shorter than a snapshot", limits=SHORT_TTL, unfilled=True),
    Scenario(name="a cooldown shorter than a permit", limits=SHORT_COOLDOWN, reads=True),
    Scenario(name="an order around the gate, on a ledger without an amount", rogues=1, slow_results=True, workers=2,
             ledger_known=False, gives_up=False, actions=(HALF,)),
    Scenario(name="two legs", **TWO_LEGS),
    Scenario(name="an order of the other leg", legs=(1,), actions=(FULL,), start=1, misnames=True, tells_twice=True,
             gives_up=False),
)  # fmt: skip

LARGE: tuple[Scenario, ...] = (
    Scenario(name="three plans", actions=(HALF, FULL, FULL), workers=2, executors=2, unfilled=True),
    Scenario(name="everything at once", workers=2, executors=2, holds=1, unfilled=True, strays=True, reads=True),
    Scenario(name="results recorded late, twice told", executors=2, told_later=True, tells_twice=True, unfilled=True),
    Scenario(
        name="an order of unknown outcome, and another executor",
        doubts=True,
        unfilled=True,
        gives_up=False,
        executors=2,
    ),
    Scenario(
        name="results of unknown outcome recorded late",
        doubts=True,
        unfilled=True,
        gives_up=False,
        told_later=True,
        actions=(HALF,),
    ),
    Scenario(name="two plans that were foreseen", preparers=1, gives_up=False),
    Scenario(name="foreseen plans, Redis restarts", preparers=1, crashes=1, gives_up=False, actions=(FULL,)),
    Scenario(name="foreseen plans of unknown outcome", preparers=1, doubts=True, unfilled=True, gives_up=False),
    Scenario(name="Redis restarts twice", crashes=2, gives_up=False),
    Scenario(name="Redis restarts among late results", crashes=1, told_later=True, gives_up=False, unfilled=True),
    Scenario(name="an order around the gate", rogues=1, slow_results=True, workers=2, gives_up=False, actions=(HALF,)),
    Scenario(name="two legs and orders of the other one", misnames=True, misroutes=True, **TWO_LEGS),
    Scenario(name="two legs, one of them held", service_holds=1, **TWO_LEGS),
    Scenario(name="two legs, traded outside", trades=1, **TWO_LEGS),
    Scenario(name="two legs, Redis restarts", crashes=1, **TWO_LEGS),
    Scenario(name="two legs, an unknown outcome", doubts=True, unfilled=True, **TWO_LEGS),
    Scenario(name="two legs, foreseen", preparers=1, **TWO_LEGS),
    Scenario(name="fills that show late", limits=Limits(lag=1, read_lag=1, ttl=4), executors=2, unfilled=True),
)
