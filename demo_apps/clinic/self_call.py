"""A view that asks its own server for a price, over HTTP. Who answers, when every worker asks?"""

from contextlib import closing
from http.client import HTTPConnection

from demo_apps.http_text import HEADERS, word


def wsgi_app(environ, start_response):
    if environ["PATH_INFO"] == "/price":
        body = price()
    elif word(environ["QUERY_STRING"], "fix") == "function":
        body = b"It costs " + price()
    else:
        with closing(HTTPConnection(environ["HTTP_HOST"], timeout=2)) as server:
            server.request("GET", "/price")
            body = b"It costs " + server.getresponse().read()  # waits for another worker
    start_response("200 OK", HEADERS)
    return [body]


def price():
    return b"5.00\n"
