"""In-memory implementations of the ports, for the tests of the services: no Redis, no process, no waiting.

They know one-way mode only. ``tests/integration/services/test_port_contracts*.py`` runs the same cases over each fake
and over the real store, so that a fake keeps to what the store does.
"""
