"""Pictures of real runs, drawn by the app itself from tests/recordings; ``make screenshots`` makes them anew."""
