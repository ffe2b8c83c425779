"""The store's servers serve its views too."""

from tests.integration.store.conftest import gate, redis_server, server

__all__ = ["gate", "redis_server", "server"]
