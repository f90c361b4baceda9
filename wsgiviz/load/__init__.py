"""The load driver: a process of its own that sends the requests."""
