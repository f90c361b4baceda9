"""Apps with something wrong: each shows one symptom, and its fix."""
