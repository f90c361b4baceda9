"""Hello, world. Nothing in it can take long, and yet its worker is killed for being slow."""

from demo_apps.http_text import HEADERS


def wsgi_app(environ, start_response):
    start_response("200 OK", HEADERS)
    return [b"Hello, world\n"]
