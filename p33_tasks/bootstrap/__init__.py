"""The start of a process: settings, logging, and the services built from them after the fork."""
