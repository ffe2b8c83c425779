"""Hyperliquid perpetuals, of the venue's own dex and of the dexes of others (HIP-3, coins such as ``xyz:TSLA``).

``clearinghouseState`` leaves flat coins out, so absence proves flat: in an answer whose rows are all of the dex asked
for, about an address that is an account. An API wallet's address answers an empty state with HTTP 200, so the role of
the address is asked first. Everything is read without a signature; the API key is the account's address, and the
secret, a wallet's key, signs orders only.

A symbol is the coin's name in upper case: ``kPEPE`` is ``KPEPE``, ``xyz:TSLA`` is ``XYZ:TSLA``.

Sources: hyperliquid.gitbook.io (info endpoint, exchange endpoint, error responses, rate limits, signing), the recorded
answers of hyperliquid-python-sdk and ccxt 4.5.90.
"""
