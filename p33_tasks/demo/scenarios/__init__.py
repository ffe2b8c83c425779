"""Cases that run every row of the decision table on a live system."""
