"""What runs the whole chain on one machine: a simulated exchange, an executor, a governor, and plans to play with.

===============  ================================================================================================
place            what it holds
===============  ================================================================================================
``exchange``     a loopback exchange, for the demo and the tests
``executor``     the reference executor: consumes permits, sends reduce-only orders, publishes results
``governor``     the reference governor (P3.2): grants permits under rate limits
``scenarios``    every row of the decision table, played on a running system; ``p33 proof`` plays five of them
``up``           ``p33 up``: all of it, with a live view
``plan_reader``  a consumer group of one's own on the plan stream
``loops``        stopping promptly, going on after an outage of Redis
``names``        keys and ids that belong to executor and governor
``lua``          their scripts, one per atomic act
===============  ================================================================================================

Only the command and the tests load this package; nothing of the service imports it (import-linter holds this).
"""
