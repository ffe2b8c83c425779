"""What stands around the brain, to run the whole chain: an executor, a governor, a producer of plans.

===============  ================================================================================================
module           what it holds
===============  ================================================================================================
``apply_layer``  the reference executor: consumes permits, sends reduce-only orders, publishes results
``attempt``      one plan's way through it, from the first look to a published result
``journal``      what the executor has done about a plan so far, kept in Redis across crashes
``reports``      pure: what an order means for its plan, and the result entry that says so (dialect A)
``governor``     the reference governor (P3.2): grants permits under rate limits
``producer``     plays the cases on a running demo, expected against got
``cases``        the cases: every row of the decision table that can be brought about from outside
``scene``        what a case is made of
``stage``        what cases are played on: positions at the simulator, ledgers, plans, and what became of them
``plan_reader``  a consumer group of one's own on the plan stream
``loops``        stopping promptly, outliving a Redis that is away
``names``        keys and ids that belong to the neighbours
``scripts``      the Lua scripts in ``lua/``, one per atomic act
===============  ================================================================================================

Only the command and the tests import this package; the brain never does.
"""
