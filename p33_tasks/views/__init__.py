"""Reads of the store for people and dashboards: read-only; the number of round trips doesn't depend on the symbols."""
