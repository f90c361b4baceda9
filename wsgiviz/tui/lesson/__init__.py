"""Lessons in the terminal: where a person is, what they guessed, what came of it, and the app that leads through."""
