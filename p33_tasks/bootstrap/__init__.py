"""What a process needs before it can work: settings, logging, and the services built from them, after fork."""
