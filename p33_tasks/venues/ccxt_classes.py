"""Imports ccxt's class of one exchange, without the hundred others.

ccxt has no lazy import: ``import ccxt`` runs the package's ``__init__``, which imports every exchange (34 MB and most
of the time of a start). An exchange's module imports only what it needs. So the package is registered without
running its ``__init__``, which runs at the first access to a name that isn't loaded yet.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from types import ModuleType
from typing import Any

_PACKAGE = "ccxt"
_LOCK = threading.RLock()
_imported: set[str] = set()  # completely: sys.modules also has modules that another thread still imports


def exchange_class(exchange_id: str) -> Any:
    """The class of the exchange with this id of ccxt.

    Raises:
        ModuleNotFoundError: ccxt isn't installed, or has no such exchange.
    """
    _import(exchange_id)
    return getattr(sys.modules[f"{_PACKAGE}.{exchange_id}"], exchange_id)


def base_error() -> type[Exception]:
    """The base class of ccxt's errors."""
    _import("base.errors")
    error: type[Exception] = sys.modules[f"{_PACKAGE}.base.errors"].BaseError
    return error


def _import(submodule: str) -> None:
    name = f"{_PACKAGE}.{submodule}"
    if name in _imported:
        return
    with _LOCK:
        package = sys.modules.get(_PACKAGE) or _put_in_place()
        importlib.import_module(name)
        # The import system has set each exchange's module where others expect the class of the same name.
        for known, value in list(vars(package).items()):
            if isinstance(value, ModuleType) and hasattr(value, known):
                setattr(package, known, getattr(value, known))
        _imported.add(name)


def _put_in_place() -> ModuleType:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {_PACKAGE!r}", name=_PACKAGE)
    package, loader = importlib.util.module_from_spec(spec), spec.loader

    def all_of_it(name: str) -> Any:
        if name.startswith("__"):  # what tools look for in every module
            raise AttributeError(name)
        with _LOCK:
            package.__dict__.pop("__getattr__", None)
            loader.exec_module(package)
        return getattr(package, name)

    package.__dict__["__getattr__"] = all_of_it  # PEP 562
    sys.modules[_PACKAGE] = package
    return package
