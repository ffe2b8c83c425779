"""What stands around the brain, to run the whole chain: an executor, a governor, a producer of plans.

==================  =============================================================================================
module              what it holds
==================  =============================================================================================
``apply_layer``     the reference executor: consumes permits, sends reduce-only orders, publishes results
``attempt``         one plan's way through it, from the first look to a published result
``journal``         what the executor has done about a plan so far, kept in Redis across crashes
``reports``         pure: what an order means, and the result entry that says so (dialect A)
``governor``        the reference governor (P3.2): grants permits under rate limits
``producer``        plays the cases of the decision table on a running demo, expected against got
``cases``, ``more_cases``, ``stage``  the cases, and what they need on the stage: positions, ledgers, plans
``plan_reader``     a consumer group of one's own on the plan stream
``names``           keys and ids that belong to the neighbours
==================  =============================================================================================

Only the command and the tests import this package; the brain never does.
"""
