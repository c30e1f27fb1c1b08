"""The CDN: uploads under signed urls that expire, stickers, and the proxy for pictures of other sites."""

import asyncio
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from tests.peers.discord.faults import Fault, Reset, reset, response
from tests.peers.discord.posts import Embedded, Sticker, Upload

if TYPE_CHECKING:
    from tests.peers.discord.world import World

DAY = 24 * 3600
GONE = "This content is no longer available."


@dataclass
class Cdn:
    """Serves pictures. `stall` names uploads that hang in the middle, `endless` those that never stop."""

    world: "World"
    stall: set[str] = field(default_factory=set)
    endless: set[str] = field(default_factory=set)
    served: list[str] = field(default_factory=list)
    sent: int = 0
    _uploads: dict[int, Upload] = field(default_factory=dict)
    _stickers: dict[int, Sticker] = field(default_factory=dict)
    _embedded: dict[int, Embedded] = field(default_factory=dict)

    def keep(self, *things: Upload | Sticker | Embedded) -> None:
        for thing in things:
            if isinstance(thing, Upload):
                self._uploads[thing.id] = thing
            elif isinstance(thing, Sticker):
                self._stickers[thing.id] = thing
            else:
                self._embedded[thing.id] = thing

    def _mac(self, path: str, expires: str) -> str:
        return hmac.new(b"cdn", f"{path} {expires}".encode(), hashlib.sha256).hexdigest()

    def signed(self, channel: int, upload: Upload) -> str:
        """A url that is good for a day from now."""
        folder = "ephemeral-attachments" if upload.ephemeral else "attachments"
        path = f"/{folder}/{channel}/{upload.id}/{upload.name}"
        now = int(self.world.now())
        expires = f"{now + DAY:x}"
        return f"{self.world.origin}{path}?ex={expires}&is={now:x}&hm={self._mac(path, expires)}&"

    def proxied(self, channel: int, upload: Upload) -> str:
        """The media proxy's url: it re-encodes, so that nobody should judge what it gives."""
        return f"{self.world.origin}/media-proxy/{channel}/{upload.id}/{upload.name}"

    def external(self, embedded: Embedded) -> str:
        return f"{self.world.origin}/external/{embedded.id}"

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/{folder:attachments|ephemeral-attachments}/{channel}/{id}/{name}", self._attachment)
        app.router.add_get("/stickers/{file}", self._sticker)
        app.router.add_get("/external/{id}", self._external)
        app.router.add_get("/media-proxy/{rest:.*}", self._media)

    async def _media(self, request: web.Request) -> web.StreamResponse:
        self.served.append("media-proxy")
        return web.Response(status=415, text="re-encoded: not the person's bytes")

    async def _attachment(self, request: web.Request) -> web.StreamResponse:
        upload = self._uploads.get(int(request.match_info["id"]))
        expires, mac = request.query.get("ex", ""), request.query.get("hm", "")
        good = hmac.compare_digest(self._mac(request.path, expires), mac)
        if upload is None or not good or int(expires, 16) < self.world.now():
            self.served.append("gone")
            return web.Response(status=404, text=GONE)
        return await self._give(request, upload.name, upload.data, upload.content_type)

    async def _sticker(self, request: web.Request) -> web.StreamResponse:
        id, _, ending = request.match_info["file"].partition(".")
        sticker = self._stickers.get(int(id))
        if sticker is None or ending != {3: "json", 4: "gif"}.get(sticker.format, "png"):
            return web.Response(status=404, text=GONE)
        return await self._give(request, sticker.name, sticker.data, "image/png")

    async def _external(self, request: web.Request) -> web.StreamResponse:
        embedded = self._embedded.get(int(request.match_info["id"]))
        if embedded is None:
            return web.Response(status=404, text=GONE)
        return await self._give(request, embedded.url, embedded.data, "image/png")

    async def _give(self, request: web.Request, name: str, data: bytes, kind: str | None) -> web.StreamResponse:
        self.served.append(name)
        fault: Fault | None = self.world.faults.pick("GET", "/cdn" + request.path)
        if isinstance(fault, Reset):
            return reset(request)
        if fault is not None:
            return response(fault)
        if name not in self.stall and name not in self.endless:
            return web.Response(body=data, content_type=(kind or "application/octet-stream").partition(";")[0])
        stream = web.StreamResponse()
        await stream.prepare(request)
        await stream.write(data[: len(data) // 2])
        if name in self.stall:
            await asyncio.sleep(60)
        try:
            while True:
                await stream.write(bytes(65536))
                self.sent += 65536
                await asyncio.sleep(0)
        except ConnectionError:
            return stream
