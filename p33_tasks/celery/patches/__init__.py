"""Our changes to Celery, kombu and billiard: one file per change.

Each file's docstring has the same headings: Symptom, Versions, Upstream, Test, Delete when. The test named there fails
when the upstream package no longer needs the change. ``on_worker_init`` applies the patches of functions and constants
before the pool is forked. Those of the worker's consumer are classes that ``celery/consumer.py`` combines.
"""
