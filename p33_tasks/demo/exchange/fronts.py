"""The venues that the simulator can be, by their exchange id; a new front adds its line."""

from collections.abc import Mapping
from typing import Final

from p33_tasks.demo.exchange.binance_front import BINANCE
from p33_tasks.demo.exchange.bitget_front import BITGET
from p33_tasks.demo.exchange.bybit_front import BYBIT
from p33_tasks.demo.exchange.front import Front
from p33_tasks.demo.exchange.gate_front import GATE
from p33_tasks.demo.exchange.hyperliquid_front import HYPERLIQUID
from p33_tasks.demo.exchange.okx_front import OKX

FRONTS: Final[Mapping[str, Front]] = {
    "binanceusdm": BINANCE,
    "bybit": BYBIT,
    "okx": OKX,
    "bitget": BITGET,
    "gate": GATE,
    "hyperliquid": HYPERLIQUID,
}
