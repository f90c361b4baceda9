"""Demo apps: the same thing twice, once as a WSGI app and once as an ASGI app. Read them side by side."""
