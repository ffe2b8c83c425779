"""Every path of the venue, with its weight and security. Weights: Binance's futures documentation."""

from typing import Final

from p33_tasks.demo.exchange.fronts.binance import account, algo, history, market, trading
from p33_tasks.demo.exchange.fronts.route import Handler, Route


def _signed(handler: Handler, weight: int, *, weight_of_all: int | None = None, is_order: bool = False) -> Route:
    return Route(handler=handler, security="signed", weight=weight, weight_of_all=weight_of_all, is_order=is_order)


ROUTES: Final[dict[tuple[str, str], Route]] = {
    ("GET", "/fapi/v1/ping"): Route(handler=market.ping),
    ("GET", "/fapi/v1/time"): Route(handler=market.server_time),
    ("GET", "/fapi/v1/exchangeInfo"): Route(handler=market.exchange_info),
    ("GET", "/fapi/v1/premiumIndex"): Route(handler=market.premium_index, weight_of_all=10),
    ("GET", "/fapi/v1/ticker/price"): Route(handler=market.ticker_price, weight_of_all=2),
    ("GET", "/fapi/v2/ticker/price"): Route(handler=market.ticker_price, weight_of_all=2),
    ("GET", "/fapi/v1/ticker/bookTicker"): Route(handler=market.book_ticker, weight=2, weight_of_all=5),
    ("GET", "/fapi/v2/positionRisk"): _signed(account.position_risk_v2, 5),
    ("GET", "/fapi/v3/positionRisk"): _signed(account.position_risk_v3, 5),
    ("GET", "/fapi/v2/account"): _signed(account.account_v2, 5),
    ("GET", "/fapi/v3/account"): _signed(account.account_v3, 5),
    ("GET", "/fapi/v2/balance"): _signed(account.balance, 5),
    ("GET", "/fapi/v3/balance"): _signed(account.balance, 5),
    ("GET", "/fapi/v1/positionSide/dual"): _signed(account.position_mode, 30),
    ("POST", "/fapi/v1/positionSide/dual"): _signed(account.change_position_mode, 1),
    ("POST", "/fapi/v1/leverage"): _signed(account.change_leverage, 1),
    ("GET", "/fapi/v1/symbolConfig"): _signed(account.symbol_config, 5),
    ("GET", "/fapi/v1/leverageBracket"): _signed(account.leverage_brackets, 1),
    ("POST", "/fapi/v1/order"): _signed(trading.place_order, 0, is_order=True),
    ("GET", "/fapi/v1/order"): _signed(trading.get_order, 1),
    ("DELETE", "/fapi/v1/order"): _signed(trading.cancel_order, 1),
    ("GET", "/fapi/v1/openOrders"): _signed(trading.open_orders, 1, weight_of_all=40),
    ("POST", "/fapi/v1/algoOrder"): _signed(algo.place_algo, 0, is_order=True),
    ("DELETE", "/fapi/v1/algoOrder"): _signed(algo.cancel_algo, 1),
    ("GET", "/fapi/v1/openAlgoOrders"): _signed(algo.open_algo_orders, 1, weight_of_all=40),
    ("GET", "/fapi/v1/userTrades"): _signed(history.user_trades, 5),
    ("GET", "/fapi/v1/allOrders"): _signed(history.all_orders, 5),
    ("GET", "/fapi/v1/forceOrders"): _signed(history.force_orders, 20, weight_of_all=50),
    ("GET", "/sapi/v1/account/apiRestrictions"): _signed(account.api_restrictions, 1),
}
