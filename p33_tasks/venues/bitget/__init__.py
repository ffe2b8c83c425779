"""Bitget v2, USDT-M futures (product type USDT-FUTURES) of a classic account.

``GET /api/v2/mix/position/all-position`` leaves flat symbols out, so absence proves flat: in an answer whose rows all
are settled in USDT and of the account's position mode, which is asked with each refresh. A unified account refuses
these requests (40085): then nothing is known. Demo trading is the live host with a header.

Sources: bitget.com/api-doc, contract pages of 2026-01; ccxt 4.5.90 for recorded answers and error codes.
"""
