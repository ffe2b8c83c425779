"""The venues that the simulator can simulate, by exchange id; a new front adds its line."""

from collections.abc import Mapping
from typing import Final

from p33_tasks.demo.exchange.fronts.binance.front import BINANCE
from p33_tasks.demo.exchange.fronts.bitget.front import BITGET
from p33_tasks.demo.exchange.fronts.bybit.front import BYBIT
from p33_tasks.demo.exchange.fronts.front import Front
from p33_tasks.demo.exchange.fronts.gate.front import GATE
from p33_tasks.demo.exchange.fronts.hyperliquid.front import HYPERLIQUID
from p33_tasks.demo.exchange.fronts.okx.front import OKX

FRONTS: Final[Mapping[str, Front]] = {
    "binanceusdm": BINANCE,
    "bybit": BYBIT,
    "okx": OKX,
    "bitget": BITGET,
    "gate": GATE,
    "hyperliquid": HYPERLIQUID,
}
