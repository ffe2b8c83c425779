"""For every shipped alert the fault that it is there for, done to a running system, and the remedy.

A fault is a context manager: the fault is there within its block, and cured behind it. One that needs traffic yields
what is to be repeated. Every alert has at least one; ``test_alerts_live.py`` holds that.
"""

from tests.deployment.faults import exchange, forecasts, records, service, verdicts
from tests.deployment.faults.registry import FAULTS, Fault

__all__ = ["FAULTS", "Fault", "exchange", "forecasts", "records", "service", "verdicts"]
