"""Short reads and writes, as most of the web's: a list, one record, an update. DATABASE is an SQLite file."""

import os
import sqlite3
from contextlib import closing

import aiosqlite

from demo_apps.http_text import HEADERS, lifespan, number, send_text

DATABASE = os.environ.get("DATABASE", "orders.sqlite")

LIST = "SELECT id, amount FROM orders ORDER BY id LIMIT :rows"
STATEMENTS = {
    "/orders": LIST,
    "/orders/7": "SELECT id, amount FROM orders WHERE id = 7",
    "/orders/7/add": "UPDATE orders SET amount = amount + 1 WHERE id = 7 RETURNING id, amount",
}


def wsgi_app(environ, start_response):
    statement = STATEMENTS.get(environ["PATH_INFO"], LIST)
    values = {"rows": int(number(environ["QUERY_STRING"], "rows", 20))}
    with closing(sqlite3.connect(DATABASE)) as database, database:
        orders = database.execute(statement, values).fetchall()
    start_response("200 OK", HEADERS)
    return [page(orders).encode()]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    statement = STATEMENTS.get(scope["path"], LIST)
    values = {"rows": int(number(scope["query_string"], "rows", 20))}
    async with aiosqlite.connect(DATABASE) as database:  # a thread for each connection
        orders = await database.execute_fetchall(statement, values)
        await database.commit()
    await send_text(send, page(orders))


def page(orders):
    return "".join(f"order {id}: {amount}\n" for id, amount in orders)
