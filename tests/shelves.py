"""The lessons and the clinic's cases that are shipped, read once: several modules have a test for each of them."""

from __future__ import annotations

from wsgiviz.lessons import library

COURSE, CLINIC = library.course(), library.clinic()
