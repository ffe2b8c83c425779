"""Whether the processes of this host can use the configuration: ``python -m p33_tasks.celery.validate``.

The systemd unit of the whole runs it before anything starts. It connects to nothing. Importing this package has read
the settings as each process does: where they can't be used it ended with 2 and every problem on standard error.
"""

from __future__ import annotations

import sys

from p33_tasks.bootstrap.runtime import runtime


def main() -> int:
    """Say what was read; always 0."""
    here = runtime()
    found = f"symbols={len(here.settings.allowlist)} source={here.source} prefix={here.settings.key_prefix}"
    sys.stdout.write(f"the configuration is usable: {found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
