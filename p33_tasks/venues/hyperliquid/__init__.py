"""Hyperliquid perpetuals, of the venue's own dex and of the dexes of others (HIP-3, coins such as ``xyz:TSLA``).

``clearinghouseState`` leaves flat coins out, so absence proves flat if all rows are of the requested dex and the
address is an account. For an API wallet's address the venue returns an empty state with HTTP 200, so the role of
the address is requested first. Everything is read without a signature; the API key is the account's address, and the
secret, a wallet's key, signs orders only.

A symbol is the coin's name in upper case: ``kPEPE`` is ``KPEPE``, ``xyz:TSLA`` is ``XYZ:TSLA``.

Sources: hyperliquid.gitbook.io (info endpoint, exchange endpoint, error responses, rate limits, signing), the recorded
answers of hyperliquid-python-sdk and ccxt 4.5.90.
"""
