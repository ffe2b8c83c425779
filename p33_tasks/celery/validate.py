"""Whether the processes of this host can use the configuration: ``python -m p33_tasks.celery.validate``.

The service's main systemd unit runs it before anything starts. It connects to nothing. Importing this package reads
the settings as each process does; if they can't be used, it exits with 2 and every problem on standard error.
"""

from __future__ import annotations

import sys

from p33_tasks.bootstrap.runtime import runtime


def main() -> int:
    """Print what was read. Returns 0."""
    here = runtime()
    found = f"symbols={len(here.settings.allowlist)} source={here.source} prefix={here.settings.key_prefix}"
    sys.stdout.write(f"the configuration is usable: {found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
