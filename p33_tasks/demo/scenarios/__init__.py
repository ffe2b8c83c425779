"""Scenarios that play every row of the decision table on a running system."""
