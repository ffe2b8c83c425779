"""The reference executor: consumes permits, sends reduce-only orders, publishes results."""
