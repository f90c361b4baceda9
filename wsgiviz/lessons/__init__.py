"""Lessons and clinic cases: Markdown files in which every claim is a run, with what must hold of its result."""
