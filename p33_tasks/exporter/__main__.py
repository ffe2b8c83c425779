"""``python -m p33_tasks.exporter``."""

import sys

from p33_tasks.exporter.server import main

if __name__ == "__main__":
    sys.exit(main())
