"""The venues: a strict raw reader over ccxt for each, one folder and one line.

==================  =============================================================================================
module              contents
==================  =============================================================================================
``spec``            what a venue's folder declares: hosts, credentials, limits, error codes, evidence of flatness
``entry``           a venue's spec and the functions that build its parts
``build``           ``venue_spec``, ``venue_entry``, ``build_venue``, ``build_order_client``, ``venue_source``
``session``         one request: credentials, clock, shared budget, the answer or its error
``http_errors``     pure: maps HTTP status and body code to one of our errors, the same behind any base URL
``rows``            pure: the values of a row, and the rows of each symbol
``legs``            pure: positions in hedge mode, and the comparison of two readings of several pages
``contracts``       contracts and base units, and contract sizes kept for one period
``order_rows``      pure: one order, checked
``orders``          base class of the order clients: sends once; an uncertain outcome is never a rejection
``history``         pure: checks of a history's window, and of the sum of an order's trades
``exact_json``      JSON without floats and without silently overwritten keys
``transport``       creates the ccxt instance
``ccxt_classes``    imports one exchange class of ccxt; the only module that imports ccxt
``scrub``           keeps signed URLs, signatures and keys out of every text
``binance_usdm``    Binance USD-M futures
``bybit``           Bybit v5, linear contracts settled in USDT
``okx``             OKX v5, linear perpetual swaps
``bitget``          Bitget v2, USDT-M futures of a classic account
``gate``            Gate v4, perpetual futures settled in USDT
``hyperliquid``     Hyperliquid perpetuals, of every dex
``_template``       template of a new venue: docs/adding-a-venue.md
==================  =============================================================================================

A position is either proven (also when flat) or unknown, never guessed. An answer that doesn't have the documented
shape is an error; a bad, missing or duplicated row is an invalid row, and affects its symbol only. Nothing is retried
here, and every request is taken from the budget that all workers share.

Importing any module of this package doesn't import ccxt (16 MB): call ``transport.preload`` in the parent of the
workers that fetch.
"""

from __future__ import annotations

from typing import Final

VENUES: Final = (
    "binance_usdm",  # Binance USD-M futures
    "bybit",  # Bybit v5, linear contracts settled in USDT
    "okx",  # OKX v5, linear perpetual swaps
    "bitget",  # Bitget v2, USDT-M futures of a classic account
    "gate",  # Gate v4, perpetual futures settled in USDT
    "hyperliquid",  # Hyperliquid perpetuals, of every dex
)
"""The folders of this package that are venues: each has ``SPEC`` in ``spec`` and ``VENUE`` in ``venue``."""
