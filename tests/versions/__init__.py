"""Servers of other versions under ``--python``: what of them is shown, and how they die."""
