"""The page and what it asks for: a few addresses, no state of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from labmtj.errors import Busy, InputError, LabmtjError, MissingFile
from labmtj.watch import commands
from labmtj.watch.standing import holder_of
from labmtj.watch.watching import Watch

STATIC = Path(__file__).with_name("static")
_TICK = 0.2  # [s] chosen: between two looks at the journal; nobody reads faster
_HOLD = 10.0  # [s] chosen: how long a question for news waits for some
_PLOTLY = "plotly.min.js"
_KINDS = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


def plotly_file() -> Path:
    """plotly.js as the package `plotly` brings it. Raises MissingFile."""
    found = find_spec("plotly")
    for folder in (found.submodule_search_locations if found is not None else None) or ():
        path = Path(folder) / "package_data" / _PLOTLY
        if path.is_file():
            return path
    raise MissingFile(f"{_PLOTLY}: the package plotly belongs to labmtj and brings it; install labmtj again")


def application(watch: Watch, *, look_only: bool, closing: Callable[[], bool]) -> Starlette:
    """The page of `watch`; `look_only` refuses every command, `closing` tells whether the server is to end."""
    files = {path.name: path for path in STATIC.iterdir() if path.suffix in _KINDS} | {_PLOTLY: plotly_file()}

    async def page(_: Request) -> Response:
        return FileResponse(files["index.html"], media_type="text/html")

    async def static(request: Request) -> Response:
        path = files.get(request.path_params["name"])
        if path is None:
            return JSONResponse({"error": "there is no such file"}, 404)
        return FileResponse(path, media_type=_KINDS[path.suffix])

    async def news(request: Request) -> Response:
        asked = request.query_params
        try:
            since, epoch, hold = (int(asked.get(name, 0)) for name in ("since", "epoch", "hold"))
        except ValueError:
            return JSONResponse({"error": "since, epoch and hold are numbers"}, 400)
        until = time.monotonic() + (_HOLD if hold else 0.0)
        while (watch.edition, watch.epoch) == (since, epoch) and time.monotonic() < until and not closing():
            await asyncio.sleep(0.5 * _TICK)
        found = await asyncio.to_thread(watch.news, since, epoch)
        return JSONResponse(found | {"look_only": look_only})

    async def cell(request: Request) -> Response:
        try:
            row, col = (int(request.query_params.get(name, "")) for name in ("row", "col"))
            return JSONResponse(await asyncio.to_thread(watch.cell, row, col))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 404)

    async def command(request: Request) -> Response:
        if look_only:
            return JSONResponse({"error": "this page only looks: it was opened with --look-only"}, 403)
        try:
            said: Any = await request.json()
            if not isinstance(said, dict):
                raise InputError("a command is an object")
            done, text = await asyncio.to_thread(_carry_out, watch, request.url.path, cast("dict[str, Any]", said))
        except Busy as error:
            return JSONResponse({"error": str(error)}, 409)
        except (LabmtjError, ValueError, OSError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"ok": done, "text": text})

    @asynccontextmanager
    async def looking(_: Starlette) -> AsyncGenerator[None, None]:
        async def look() -> None:
            while True:
                with suppress(LabmtjError):  # of a host's folder that cannot be used: asked again at the next look
                    await asyncio.to_thread(watch.look)
                await asyncio.sleep(0.0 if watch.behind else _TICK)

        task = asyncio.create_task(look())
        yield
        task.cancel()

    return Starlette(
        routes=[
            Route("/", page),
            Route("/static/{name}", static),
            Route("/news", news),
            Route("/cell", cell),
            *(Route(f"/{name}", command, methods=["POST"]) for name in ("stop", "safe", "answer")),
        ],
        lifespan=looking,
    )


def _carry_out(watch: Watch, path: str, said: dict[str, Any]) -> tuple[bool, str]:
    """Do what was asked; whether it is as it should be now, and what was done."""
    folder, picture = watch.folder, watch.picture
    if path == "/safe" and not watch.private:
        where = folder / "bench.yaml" if folder is not None else watch.bench.source.path if watch.bench else None
        if where is None:
            raise InputError("the bench file of this run cannot be read: labmtj safe BENCH")
        return commands.safe_bench(where, folder)
    if folder is None or picture is None:
        raise InputError("there is no run to stop")
    if path == "/answer":
        number, text = int(said.get("number", -1)), str(said.get("answer", ""))
        return True, commands.answer(folder, watch.title, picture.asked, number, text)
    todo = commands.stop if path == "/stop" else commands.safe_here
    with commands.alone():
        holder = holder_of(folder, ended=bool(picture.end))
        return True, todo(folder, watch.title, holder, watch.commands)
