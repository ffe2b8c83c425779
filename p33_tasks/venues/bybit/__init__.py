"""Bybit v5, linear contracts settled in USDT.

``GET /v5/position/list`` by ``settleCoin`` leaves flat symbols out, so absence proves flat: in an answer whose
category is the one asked for, read to its last page, with no row that belongs elsewhere. Contracts settled in USDC are
another answer; they are not read, and a symbol of theirs is unknown, never flat. The position mode is a symbol's own
and only its rows tell it.

Sources: bybit-exchange/docs v5 of 2026-07, error codes included.
"""
