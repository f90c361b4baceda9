"""Servers: launched as the plain `gunicorn` command on a socket that the viewer has bound."""
