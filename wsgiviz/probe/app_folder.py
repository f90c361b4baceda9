"""The folder of the app, which a server puts on the module path: its files may be named like standard modules."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def off_path() -> Iterator[None]:
    """Import without the current folder, which gunicorn has put on the path before it loads its configuration.

    What gunicorn itself has not imported by then is found in the standard library, whatever the app has beside it.
    """
    before, here = sys.path[:], os.getcwd()
    sys.path[:] = [folder for folder in before if folder and os.path.abspath(folder) != here]
    try:
        yield
    finally:
        sys.path[:] = before
