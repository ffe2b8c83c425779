"""The operator's page: rendered on the server, read-only, without a script and without anything from elsewhere."""
