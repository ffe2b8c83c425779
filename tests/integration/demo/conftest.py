"""The demo's commands run on the same world as the others."""

from tests.integration.cli.conftest import call, gate, redis_server

__all__ = ["call", "gate", "redis_server"]
