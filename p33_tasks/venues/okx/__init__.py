"""OKX v5, linear perpetual swaps.

``GET /api/v5/account/positions`` leaves flat symbols out, so absence proves flat if all rows are SWAP.
Amounts are contracts; a symbol's base quantity is contracts times ``ctVal`` times ``ctMult``. The position mode is the
account's, and is requested at each refresh, since a flat symbol has no row that shows it. Demo trading is the live host
with a header.

Sources: okx.com/docs-v5, a copy of 2025-07; ccxt 4.5.90 for what is newer.
"""
