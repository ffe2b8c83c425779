"""Start values of a simulator."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from p33_tasks.demo.exchange.limits import LimitSettings
from p33_tasks.settings.variables import DEFAULT_EXCHANGE

HOST: Final = "127.0.0.1"  # its only protection is that no other host can reach it


@dataclass(frozen=True, slots=True, kw_only=True)
class SimOptions:
    """Start values; ``port`` 0 takes a free one, ``positions`` are signed amounts by symbol."""

    exchange: str = DEFAULT_EXCHANGE  # whose API it has: one of ``fronts.FRONTS``
    port: int = 0
    positions: Mapping[str, Decimal] = field(default_factory=dict)
    hedged: bool = False  # the account begins in hedge mode; a position is then the leg of its sign
    extra_symbols: int = 0
    latency_ms: int = 0
    api_key: str = "demo"
    api_secret: str = "demo"  # noqa: S105 (a public word, on loopback)
    seed: int = 1
    limits: LimitSettings = field(default_factory=LimitSettings)
