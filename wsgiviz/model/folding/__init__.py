"""Folding events into a side: one file for each teller. Pure."""
