"""structlog without rich: 4 MB in each process of the service, for a console renderer that none of them uses.

structlog imports rich if it is installed, and has no setting against it. The service installs rich for the
tables of ``p33``. ``None`` in ``sys.modules`` marks a module as missing
(https://docs.python.org/3/reference/import.html#the-module-cache).

The packages of the service's programs import this module first.
"""

from __future__ import annotations

import sys

if not {"structlog", "rich"} & sys.modules.keys():  # else it is too late, or rich is in use
    sys.modules["rich"] = None  # type: ignore[assignment]  # see above
    try:
        import structlog  # noqa: F401 - while rich is out of sight
    finally:
        del sys.modules["rich"]
