"""What stands in front of several processes that serve one webhook."""

import asyncio
import itertools
import socket

import aiohttp
from aiohttp import web

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Balancer:
    """Hands each call to the next process; with `to_all`, to every one, as Telegram does when it did not hear the first."""

    def __init__(self) -> None:
        self.to_all = False
        self.ports: list[int] = []
        self.handed: list[tuple[int, int]] = []  # which process answered with which status
        self.secrets: set[str] = set()
        self._next = itertools.count()

    async def __aenter__(self) -> "Balancer":
        app = web.Application()
        app.router.add_post("/hook", self._hand_on)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        self._port = free_port()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._client = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._client.close()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/hook"

    async def _hand_on(self, request: web.Request) -> web.Response:
        body, secret = await request.read(), request.headers.get(SECRET_HEADER, "")
        self.secrets.add(secret)
        first = next(self._next)
        order = [(first + n) % len(self.ports) for n in range(len(self.ports))]
        if self.to_all:
            answers = await asyncio.gather(*(self._post(number, body, secret) for number in order))
            return web.Response(status=answers[0])
        for number in order:
            if (status := await self._post(number, body, secret)) != 502:
                break  # else it is not there: the next one
        return web.Response(status=status)

    async def _post(self, number: int, body: bytes, secret: str) -> int:
        try:
            url, headers = f"http://127.0.0.1:{self.ports[number]}/hook", {SECRET_HEADER: secret}
            async with self._client.post(url, data=body, headers=headers) as answer:
                self.handed.append((number, answer.status))
                return answer.status
        except aiohttp.ClientError:
            return 502
