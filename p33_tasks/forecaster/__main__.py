"""``python -m p33_tasks.forecaster``."""

import sys

from p33_tasks.forecaster.process import main

if __name__ == "__main__":
    sys.exit(main())
