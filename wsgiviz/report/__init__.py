"""Reports without a screen: a progress line, a summary table, JSON."""
