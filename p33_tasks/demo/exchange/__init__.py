"""A loopback futures exchange with any venue's API, for the embedded default of ``p33 up`` and for the tests.

Nothing outside the command line and the tests imports this package. It listens on 127.0.0.1 only, keeps all
state in memory, and implements enough of a venue's REST API that ccxt and the venue's own client work with
it unchanged. Faults of a real venue can be switched on over HTTP, see :mod:`p33_tasks.demo.exchange.faults`.

=================  ================================================================================
module             contents
=================  ================================================================================
``core``           listings, prices, positions, orders and the matching rules; no HTTP, no clock
``fronts``         a folder per venue: routes, signature, envelope; ``registry`` lists them
``options``        start values of a simulator
``faults``         the fault switches
``signing``        HMAC over the bytes sent, timestamps, recvWindow
``limits``         request weight, order counts, 429 and 418
``recorder``       calls per endpoint, with times and weights
``simulation``     all of the above for one running simulator
``wire``           numbers and JSON as the core writes them
``order_rows``     an order as the core writes it
``answers``        an answer as changed by the switches
``control``        the control API under ``/sim``
``server``         the aiohttp application
``client``         a client of the control API, for tests
=================  ================================================================================
"""
