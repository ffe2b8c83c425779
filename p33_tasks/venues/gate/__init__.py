"""Gate v4, perpetual futures settled in USDT.

``GET /futures/usdt/positions`` with ``holding=true`` leaves flat contracts out, so absence proves flat if the answer
was read to a page that isn't full. Sizes are contracts; without the header ``X-Gate-Size-Decimal: 1`` half a contract
would read as 0, so every request carries it. The position mode is the account's, and is requested at each refresh.

Sources: gateapi-python's documentation of 2025-07, Gate's announcements 33995, 48788 and 49639; ccxt 4.5.90 for
recorded answers and labels.
"""
