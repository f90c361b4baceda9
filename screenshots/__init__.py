"""Pictures of real runs, taken by the app itself; ``make screenshots`` makes them anew."""
