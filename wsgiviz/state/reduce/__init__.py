"""What each source of events changes in a State: one module for each. Pure."""
