"""The least that a permit can cost: one process that reads the stream and runs one script for each entry.

``python -m tests.bench.bare``. No task, no rules, no ledger: the script sets the permit and acknowledges the entry.
"""

from __future__ import annotations

import os
import sys

from p33_tasks.bootstrap.stopping import stop_on_signals
from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.store.connection import connect

PREFIX = "bare"
MOST = 64
SCRIPT = """
redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000)
redis.call('XACK', KEYS[2], ARGV[2], ARGV[3])
"""


def main() -> int:
    client, keys = connect(f"redis://127.0.0.1:{os.environ['REDIS_PORT']}/0"), Keys(PREFIX)
    client.xgroup_create(keys.plans, GROUP, id="0", mkstream=True)
    issue, stopping = client.register_script(SCRIPT), stop_on_signals()
    while not stopping.is_set():
        for _, entries in client.xreadgroup(GROUP, "bare", {keys.plans: ">"}, count=MOST, block=100) or ():
            for entry_id, fields in entries:
                issue(keys=[keys.permit(fields["plan_id"]), keys.plans], args=["1", GROUP, entry_id])
    return 0


if __name__ == "__main__":
    sys.exit(main())
