"""Metrics, theory, lints and captions: pure functions of a State."""
