"""Apps that look at what they are asked: method, header, body; and one whose path says how long it takes."""

import time


def checks(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    token = environ.get("HTTP_X_TOKEN")
    fine = (environ["REQUEST_METHOD"], token, len(body), body[-5:]) == ("POST", "s3cret", 300_000, b"xxend")
    start_response("200 OK" if fine else "400 Bad Request", [])
    return [b"fine" if fine else b"not what was to be asked"]


def by_path(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(0.3)
    start_response("200 OK", [])
    return [environ["PATH_INFO"].encode("latin-1")]
