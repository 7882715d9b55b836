"""Reconciliation of two changes of one thing. Pure: what both changed differently is a conflict, a value."""
