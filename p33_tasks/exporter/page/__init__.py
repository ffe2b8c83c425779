"""The operator's page: rendered on the server, read-only, without scripts and without external resources."""
