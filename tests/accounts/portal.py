"""A loopback web server that answers with what a test puts into `answers`, for the few calls of setup and doctor."""

from types import TracebackType
from typing import Any, Self

from aiohttp import web

Answer = tuple[int, Any]


class Portal:
    """`async with Portal() as portal:`; `portal.answers[path]` is (status, JSON), `portal.seen` the headers by path."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.seen: dict[str, dict[str, str]] = {}
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.seen[request.path] = dict(request.headers)
        status, body = self.answers.get(request.path, (404, {"message": "404: Not Found", "code": 0}))
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html")
        return web.json_response(body, status=status)
