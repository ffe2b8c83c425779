"""P3.3 Position State Brain: the safety interlock in front of a reduce-only order executor.

Importing this package imports nothing else, so that an executor that only wants
``p33_tasks.apply`` pays for neither Celery nor ccxt.
"""

__version__ = "0.2.0"
