"""Binance USD-M futures.

``GET /fapi/v2/positionRisk`` and not v3: v2 sends a row per symbol, so that flat is proven; v3 leaves flat symbols
out. Not ccxt's ``fetch_positions`` either: it drops rows, rounds to floats, and reads an empty body as no positions.
``load_markets`` is never called: with keys set it also sent requests to the spot host.

Sources: Binance's USD-M futures REST documentation, error codes included.
"""
