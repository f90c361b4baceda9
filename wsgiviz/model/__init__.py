"""State: an immutable picture of both servers, folded from events. No clock, no I/O, no Textual."""
