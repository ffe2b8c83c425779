"""The state of the simulated exchange and its changes: no HTTP, no clock.

Field names, error codes and quantities (base units) are Binance's; a venue's front translates them.

===============  ==============================================================
module           contents
===============  ==============================================================
``symbols``      listed contracts and their filters
``prices``       mark prices that move: a pure function of seed, symbol and time
``positions``    positions, and the part that the account endpoints already show
``orders``       orders, trades and the reading of an order request
``algo_orders``  conditional orders, resting and triggered
``order_book``   all orders, by either id
``matching``     the venue's rules for an order: quantity, price, reduce-only
``venue``        all of these for one account
``codes``        error codes, texts and HTTP statuses
===============  ==============================================================
"""
