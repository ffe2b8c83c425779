"""The Celery app: ``celery -A p33_tasks worker``, ``beat`` and ``flower`` find it here.

Importing this module reads the configuration; if that isn't usable, every problem is printed and the process
exits with 2, before it connects to anything.
"""

from __future__ import annotations

import p33_tasks.bootstrap.structlog_alone  # noqa: F401 - before anything imports structlog
from p33_tasks.bootstrap.journal import write_error
from p33_tasks.bootstrap.runtime import settings
from p33_tasks.celery.config import make_app
from p33_tasks.errors import ConfigurationError

__all__ = ["app"]

try:
    app = make_app(settings())
except ConfigurationError as error:
    write_error(str(error))
    raise SystemExit(2) from None
