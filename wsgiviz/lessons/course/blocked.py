import threading


def app(environ, start_response):
    threading.Event().wait(0.5)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"waited\n"]
