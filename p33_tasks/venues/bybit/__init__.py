"""Bybit v5, linear contracts settled in USDT.

``GET /v5/position/list`` by ``settleCoin`` leaves flat symbols out, so absence proves flat if the answer's
category is the requested one, every page was read, and every row is of the settle coin. Contracts settled in USDC are
in another answer; they are not read, and their symbols are unknown, never flat. The position mode is per symbol,
and only a symbol's rows show it.

Sources: bybit-exchange/docs v5 of 2026-07, error codes included.
"""
