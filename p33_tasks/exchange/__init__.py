"""The exchange: a strict raw reader over ccxt.

===============  ================================================================================================
module           what it holds
===============  ================================================================================================
``registry``     which venues have a strict reader of ours; ``build_venue`` and ``venue_source``
``binance_usdm`` Binance USD-M futures: endpoints, weights, error codes, the venue itself
``rows``         pure: a decoded answer to positions, symbol by symbol
``market_rows``  pure: exchange information to the rules of market orders
``exact_json``   JSON without floats and without silently overwritten keys
``session``      one request: credentials, clock, shared budget, the answer, the error it stands for
``errors_map``   pure: HTTP status and body code to one of our errors, the same behind any base URL
``client``       makes the ccxt instance; the only module that imports ccxt, and only when called
``scrub``        keeps signed URLs, signatures and keys out of every text
``orders``       reduce-only market orders for the reference apply layer; nothing above imports it
``order_rows``   pure: one order as the venue reports it
===============  ================================================================================================

What is promised: a position is either proven (also when flat) or unknown, never guessed. An answer of another
shape than the documented one is an error; a bad, missing or duplicated row spoils its symbol only. Nothing is
retried in here, and every request is taken from the budget that all workers share.

Importing any module of this package doesn't import ccxt (2 s and 89 MB): call ``client.preload`` in the parent of
the workers that fetch.
"""
