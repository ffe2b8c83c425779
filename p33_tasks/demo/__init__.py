"""The whole chain on one machine: a simulated exchange, an executor, a governor, and a producer of plans.

===============  ================================================================================================
package          contents
===============  ================================================================================================
``exchange``     a loopback exchange, for the demo and the tests
``executor``     the reference executor: consumes permits, sends reduce-only orders, publishes results
``governor``     the reference governor (P3.2): grants permits under rate limits
``scenarios``    every row of the decision table, run on a live system; ``p33 proof`` runs five of them
``up``           ``p33 up``: all of it, with a live view
``plan_reader``  a separate consumer group on the plan stream
``loops``        main loops that stop promptly and continue after an outage of Redis
``names``        keys and ids of executor and governor
``lua``          their scripts, one per atomic operation
===============  ================================================================================================

Only the command and the tests load this package; nothing of the service imports it (checked by import-linter).
"""
