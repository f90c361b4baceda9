"""A short request, as most of the web's are: a page made from a few rows. Synchronous is not slow."""

from string import Template

from demo_apps.http_text import HEADERS, lifespan, number, send_text

ROW = Template("<tr><td>$id</td><td>$name</td><td>$price</td></tr>")
PAGE = Template("<table>$rows</table>")


def wsgi_app(environ, start_response):
    rows = int(number(environ["QUERY_STRING"], "rows", 40))
    page = render(rows)
    start_response("200 OK", HEADERS)
    return [page.encode()]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    rows = int(number(scope["query_string"], "rows", 40))
    page = render(rows)
    await send_text(send, page)


def render(rows):
    lines = (ROW.substitute(id=n, name=f"thing {n}", price=n * 1.19) for n in range(rows))
    return PAGE.substitute(rows="".join(lines))
