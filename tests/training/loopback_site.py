"""A small gallery on 127.0.0.1 that counts what is asked of it, and when."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from tests.training.made import encoded, picture

ROBOTS = "User-agent: *\nDisallow: /private/\nCrawl-delay: {delay}\n"
PAGES = {
    "/": '<a href="/gallery.html">g</a><a href="/private/page.html">p</a><a href="http://elsewhere.invalid/">x</a>'
    '<a rel="nofollow" href="/never.html">n</a><link rel="license" href="/licence.html"><img src="/one.png">',
    "/gallery.html": '<a href="/two.jpg"><img src="/thumbnail.png"></a><img src="/private/secret.png">'
    '<img srcset="/small.png 100w, /three.webp 800w"><img src="/same-as-one.png"><img src="/one-smaller.jpg">'
    '<img src="/tiny.png"><img src="/broken.png"><img src="/gone.png"><img src="/far.png">'
    '<a href="/refuses.html">r</a>',
    "/refuses.html": '<meta name="robots" content="noai"><img src="/four.png"><a href="/last.html">l</a>',
    "/last.html": '<img src="/five.png"><img src="/header.png">',
}


def pictures() -> dict[str, bytes]:
    one = picture(0, 1, 300, 260)
    return {
        "/one.png": encoded(one),
        "/same-as-one.png": encoded(one),
        "/one-smaller.jpg": encoded(one.resize((240, 208)), "JPEG"),
        "/two.jpg": encoded(picture(0, 2, 300, 260), "JPEG"),
        "/thumbnail.png": encoded(picture(0, 3, 260, 260)),
        "/three.webp": encoded(picture(0, 4, 300, 260), "WEBP"),
        "/small.png": encoded(picture(0, 5, 260, 260)),
        "/tiny.png": encoded(picture(0, 6, 60, 60)),
        "/broken.png": encoded(picture(0, 7, 260, 260))[:400],
        "/four.png": encoded(picture(0, 8, 260, 260)),
        "/five.png": encoded(picture(0, 9, 260, 260)),
        "/header.png": encoded(picture(0, 10, 260, 260)),
        "/private/secret.png": encoded(picture(0, 11, 260, 260)),
    }


class Gallery:
    """`asked` has the path, the time and the user agent of every request; `before` is called with each path."""

    def __init__(self, delay: float = 0) -> None:
        self.delay = delay
        self.asked: list[tuple[str, float, str]] = []
        self.before: Callable[[str], object] = lambda path: None
        self.robots_status = 200
        self.address = ""
        self._pictures = pictures()

    @property
    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, time.monotonic(), request.headers.get("User-Agent", "")))
        self.before(request.path)
        if request.path == "/robots.txt":
            return web.Response(text=ROBOTS.format(delay=self.delay), status=self.robots_status)
        if request.path == "/far.png":
            raise web.HTTPFound("http://elsewhere.invalid/far.png")
        if request.path in PAGES:
            return web.Response(text=f"<html><body>{PAGES[request.path]}</body></html>", content_type="text/html")
        if request.path in self._pictures:
            headers = {"X-Robots-Tag": "noimageai"} if request.path == "/header.png" else {}
            return web.Response(body=self._pictures[request.path], content_type="image/png", headers=headers)
        raise web.HTTPNotFound


@asynccontextmanager
async def gallery(delay: float = 0) -> AsyncIterator[Gallery]:
    site = Gallery(delay)
    app = web.Application()
    app.router.add_get("/{path:.*}", site.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    site.address = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield site
    await runner.cleanup()
