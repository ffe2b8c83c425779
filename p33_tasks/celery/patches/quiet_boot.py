"""A worker starts and reconnects without gossip and mingle, also under the plain ``celery -A p33_tasks worker``.

Symptom: gossip and mingle make a worker wait for every other one at each start and reconnect, and serve nothing here.
    There are command line options against both, and no settings.
Versions: Celery 5.7.0.
Upstream: no issue found.
Test: tests/unit/celery/test_patches.py::test_celery_has_no_setting_for_gossip_and_mingle
Delete when: Celery has settings for both.
"""

from __future__ import annotations

from typing import Any


def boot_quietly(worker: Any) -> None:
    """Set the options as the command line would. This isn't a public API: a test checks the order of the start."""
    worker.options.update(without_gossip=True, without_mingle=True)
