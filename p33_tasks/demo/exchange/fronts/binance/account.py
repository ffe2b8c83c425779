"""The signed account endpoints: positions, balances, modes, leverage."""

from decimal import Decimal
from typing import Any, Final

from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.core.orders import Params, flag, required
from p33_tasks.demo.exchange.core.symbols import Listing
from p33_tasks.demo.exchange.fronts.binance.market import chosen
from p33_tasks.demo.exchange.fronts.binance.position_rows import MAX_NOTIONAL_USDT, v2_rows, v3_rows
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import ZERO_8, money, plain

_ZERO: Final = Decimal(0)


def position_risk_v2(sim: Simulation, params: Params) -> Any:
    """One row per listed symbol, flat ones too."""
    return v2_rows(sim.venue, chosen(sim, params), sim.now_ms, faults=sim.row_fault)


def position_risk_v3(sim: Simulation, params: Params) -> Any:
    """Rows of symbols with a position or an open order."""
    return v3_rows(sim.venue, chosen(sim, params), sim.now_ms, faults=sim.row_fault)


def balance(sim: Simulation, _params: Params) -> Any:
    """The account's one asset."""
    profit, margin, _ = _totals(sim)
    wallet = sim.venue.balance_usdt
    available = money(max(_ZERO, wallet + profit - margin))
    return [
        {
            "accountAlias": "SgsR",
            "asset": "USDT",
            "balance": money(wallet),
            "crossWalletBalance": money(wallet),
            "crossUnPnl": money(profit),
            "availableBalance": available,
            "maxWithdrawAmount": available,
            "marginAvailable": True,
            "updateTime": sim.now_ms,
        }
    ]


def account_v2(sim: Simulation, _params: Params) -> Any:
    """Totals, permissions, the asset and a position per listed symbol."""
    permissions = {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }
    rows = v2_rows(sim.venue, sim.symbols, sim.now_ms, faults=sim.row_fault)
    return permissions | _summary(sim) | {"positions": [_account_position(row) for row in rows]}


def account_v3(sim: Simulation, _params: Params) -> Any:
    """Totals, the asset and the positions that are not flat."""
    rows = v3_rows(sim.venue, sim.symbols, sim.now_ms, faults=sim.row_fault)
    return _summary(sim) | {"positions": [_account_position(row) for row in rows]}


def position_mode(sim: Simulation, _params: Params) -> Any:
    """Whether the account is in hedge mode."""
    return {"dualSidePosition": sim.venue.hedged}


def change_position_mode(sim: Simulation, params: Params) -> Any:
    """Switches hedge mode. Raises -4059 and -4068."""
    required(params, "dualSidePosition")
    hedged = flag(params, "dualSidePosition")
    if hedged == sim.venue.hedged:
        raise refusal(-4059)
    if sim.venue.positions.any_open():
        raise refusal(-4068)
    sim.set_faults(sim.faults.merged({"hedge_mode": hedged}))
    return {"code": 200, "msg": "success"}


def change_leverage(sim: Simulation, params: Params) -> Any:
    """Sets a symbol's leverage. Raises -4028."""
    listing = sim.venue.listing(required(params, "symbol"))
    text = required(params, "leverage")
    if not text.isdecimal() or not 1 <= int(text) <= listing.max_leverage:
        raise refusal(-4028, leverage=text)
    sim.venue.leverages[listing.symbol] = int(text)
    return {"symbol": listing.symbol, "leverage": int(text), "maxNotionalValue": MAX_NOTIONAL_USDT}


def symbol_config(sim: Simulation, params: Params) -> Any:
    """Margin mode and leverage per symbol."""
    return [
        {
            "symbol": symbol,
            "marginType": "CROSSED",
            "isAutoAddMargin": False,
            "leverage": sim.venue.leverage(symbol),
            "maxNotionalValue": MAX_NOTIONAL_USDT,
        }
        for symbol in chosen(sim, params)
    ]


def leverage_brackets(sim: Simulation, params: Params) -> Any:
    """One bracket per symbol."""
    return [_brackets(sim.venue.listings[symbol]) for symbol in chosen(sim, params)]


def api_restrictions(sim: Simulation, _params: Params) -> Any:
    """What the API key may do; whether it may withdraw is a switch."""
    return {
        "ipRestrict": False,
        "createTime": 1_600_000_000_000,
        "enableReading": True,
        "enableFutures": True,
        "enableWithdrawals": sim.faults.withdrawals_enabled,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableSpotAndMarginTrading": False,
        "enableVanillaOptions": False,
        "permitsUniversalTransfer": False,
    }


def _brackets(listing: Listing) -> dict[str, Any]:
    # Numbers, not strings: so the venue sends them here.
    bracket = {
        "bracket": 1,
        "initialLeverage": listing.max_leverage,
        "notionalCap": int(MAX_NOTIONAL_USDT),
        "notionalFloor": 0,
        "maintMarginRatio": float(listing.maint_margin_ratio),
        "cum": 0.0,
    }
    return {"symbol": listing.symbol, "brackets": [bracket]}


def _totals(sim: Simulation) -> tuple[Decimal, Decimal, Decimal]:
    """Unrealized profit, initial and maintenance margin of all shown positions, USDT."""
    venue, now_ms = sim.venue, sim.now_ms
    profit, initial, maintenance = _ZERO, _ZERO, _ZERO
    for symbol, side in venue.positions.held():
        position = venue.positions.shown(symbol, side, now_ms)
        mark = venue.mark(symbol, now_ms)
        profit += position.amt * (mark - position.entry_price)
        initial += abs(position.amt) * mark / venue.leverage(symbol)
        maintenance += abs(position.amt) * mark * venue.listings[symbol].maint_margin_ratio
    return profit, initial, maintenance


def _summary(sim: Simulation) -> dict[str, Any]:
    profit, initial, maintenance = _totals(sim)
    wallet = sim.venue.balance_usdt
    amounts = {
        "InitialMargin": initial,
        "MaintMargin": maintenance,
        "PositionInitialMargin": initial,
        "OpenOrderInitialMargin": _ZERO,
        "CrossWalletBalance": wallet,
        "CrossUnPnl": profit,
    }
    available = money(max(_ZERO, wallet + profit - initial))
    totals = {f"total{name}": money(value) for name, value in amounts.items()} | {
        "totalWalletBalance": money(wallet),
        "totalUnrealizedProfit": money(profit),
        "totalMarginBalance": money(wallet + profit),
        "availableBalance": available,
        "maxWithdrawAmount": available,
    }
    asset = {f"{name[0].lower()}{name[1:]}": money(value) for name, value in amounts.items()} | {
        "asset": "USDT",
        "walletBalance": money(wallet),
        "unrealizedProfit": money(profit),
        "marginBalance": money(wallet + profit),
        "availableBalance": available,
        "maxWithdrawAmount": available,
        "marginAvailable": True,
        "updateTime": sim.now_ms,
    }
    return totals | {"assets": [asset]}


def _account_position(row: Any) -> Any:
    """A positionRisk row in the account's words; an invalid one stays as it is."""
    if not isinstance(row, dict):
        return row
    renamed = dict(row)
    renamed["unrealizedProfit"] = renamed.pop("unRealizedProfit")
    value = abs(Decimal(row["notional"]))
    renamed.setdefault("initialMargin", plain(value / Decimal(row.get("leverage", 1))))
    renamed.setdefault("maintMargin", ZERO_8)
    return renamed
