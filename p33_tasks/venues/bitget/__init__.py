"""Bitget v2, USDT-M futures (product type USDT-FUTURES) of a classic account.

``GET /api/v2/mix/position/all-position`` leaves flat symbols out, so absence proves flat if all rows are
settled in USDT and of the account's position mode, which is requested at each refresh. For a unified account the venue
refuses these requests (40085): then every symbol is unknown. Demo trading is the live host with a header.

Sources: bitget.com/api-doc, contract pages of 2026-01; ccxt 4.5.90 for recorded answers and error codes.
"""
