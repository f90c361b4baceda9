"""State to rows of text: pure, no widget and no clock here."""
