"""How the streams are read: which entry becomes a task, and which is settled here."""
