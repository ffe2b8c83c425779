"""A loopback futures exchange with any venue's API, for the embedded default of ``p33 up`` and for the tests.

Nothing outside the command line and the tests imports this package. It listens on 127.0.0.1 only, holds all
of its state in memory, and speaks enough of a venue's REST dialect that ccxt and the venue's own client work against
it unchanged. What goes wrong at a real venue can be switched on over HTTP, see :mod:`p33_tasks.demo.exchange.faults`.
The core's words are those of the first venue; each front (:mod:`p33_tasks.demo.exchange.fronts`) translates them.

=================  ================================================================================
module             what it holds
=================  ================================================================================
``options``        what a simulator is started with
``symbols``        listed contracts and their filters
``prices``         mark prices that move: a pure function of seed, symbol and time
``positions``      positions, and what of them the account endpoints already show
``orders``         orders, trades and the reading of an order request
``order_book``     all orders, by either id
``matching``       the venue's rules for an order: quantity, price, reduce-only
``venue``          the state and what changes it; no HTTP, no clock
``faults``         the fault switches
``codes``          the core's error codes, texts and HTTP statuses
``signing``        HMAC over the bytes sent, timestamps, recvWindow
``limits``         request weight, order counts, 429 and 418
``recorder``       which endpoint was called when, at what weight
``simulation``     all of the above for one running simulator
``position_rows``  positionRisk as the first venue writes it, and invalid rows
``wire``           numbers and JSON as the core writes them
``market``         handlers of the public endpoints; ``account`` and ``trading`` of the signed ones
``routes``         every path with its handler, weight and security
``answers``        what the switches make of an answer
``control``        the control API under ``/sim``
``server``         the aiohttp application
``client``         a handle on a running simulator, for tests
=================  ================================================================================
"""
