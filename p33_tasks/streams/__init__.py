"""The streams: what their entries say (``messages``), and how they are read."""
