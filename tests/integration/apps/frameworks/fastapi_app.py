"""FastAPI: where an endpoint waits, its line ends with its path."""

import asyncio

from fastapi import BackgroundTasks, Depends, FastAPI
from fastapi.responses import StreamingResponse
from frameworks.gate import go_on, open_gate

app = FastAPI()
layers = FastAPI()


@layers.middleware("http")
async def layer(request, call_next):
    return await call_next(request)


@layers.get("/async")
@app.get("/async")
async def view():
    await asyncio.wrap_future(go_on)  # /async /layers/async


@layers.get("/def")
@app.get("/def")
def in_thread():
    go_on.result()  # /def /layers/def


async def needs():
    await asyncio.wrap_future(go_on)  # /dependency


@app.get("/dependency")
async def dependency(needed=Depends(needs)):
    pass


def needs_in_thread():
    go_on.result()  # /dependency-def


@app.get("/dependency-def")
async def dependency_in_thread(needed=Depends(needs_in_thread)):
    pass


async def chunks():
    yield "first"
    await asyncio.wrap_future(go_on)  # /stream /layers/stream
    yield "second"


@layers.get("/stream")
@app.get("/stream")
async def stream():
    return StreamingResponse(chunks())


async def after():
    await asyncio.wrap_future(go_on)  # /background


@app.get("/background")
async def background(tasks: BackgroundTasks):
    tasks.add_task(after)


def after_in_thread():
    go_on.result()  # /background-def


@app.get("/background-def")
async def background_in_thread(tasks: BackgroundTasks):
    tasks.add_task(after_in_thread)


# --- tasks of one's own ------------------------------------------------------------------------------------------


async def part():
    await asyncio.wrap_future(go_on)  # /task /gather /group /wait /wait-for /shield /layers/gather


@app.get("/task")
async def task():
    await asyncio.create_task(part())


@layers.get("/gather")
@app.get("/gather")
async def gather():
    await asyncio.gather(asyncio.wait([asyncio.wrap_future(go_on)]), part())


@app.get("/group")
async def group():
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(part())


@app.get("/wait")
async def wait():
    await asyncio.wait([asyncio.create_task(part())])


@app.get("/wait-for")
async def wait_for():
    await asyncio.wait_for(part(), 60)


@app.get("/shield")
async def shield():
    await asyncio.shield(asyncio.create_task(part()))


@app.get("/beside")
async def beside():
    task = asyncio.create_task(part())
    await asyncio.wrap_future(go_on)  # /beside
    await task


@app.get("/go-on")
async def all_go_on():
    open_gate()


app.mount("/layers", layers)
