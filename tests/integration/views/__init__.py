"""The read models, on a real Redis."""
