"""Apps that do not keep to what PEP 3333 asks of them."""


def never_starts(environ, start_response):
    return [b"nobody knows my status"]


def never_starts_chunks(environ, start_response):
    yield b"nobody knows my status"


def raises_between_chunks(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"one"
    raise LookupError
