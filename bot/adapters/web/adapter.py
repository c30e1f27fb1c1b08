"""The web page and its API, on aiohttp.

GET  /            the page
POST /api/check   a picture (form field `image`, or the raw body): its verdict
POST /api/explain the same picture again: why, as a PNG (?bare=1: the heat map alone, without legend and scale)
POST /api/report  "Wrong?": {"sha256": ..., "says": "ai" or "real"}
GET  /api/about   model, bands, limits
GET  /healthz     200 while it lives, 503 when a thread of it hangs: start it again
GET  /readyz      200 when the model is warm, else 503 and what it waits for
GET  /metrics     for Prometheus

It may start before the model is there: `checker` is None until the app sets it.
A person who asks over HTTP is gone after a crash, so nothing here goes into the inbox: the page itself asks again.
"""

import asyncio
import errno
import json
import logging
import math
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web

from bot import trail
from bot.adapters.web.answer import about_json, verdict_json
from bot.adapters.web.files import Page
from bot.adapters.web.guard import Guard, Handler, asker_address
from bot.adapters.web.language import language_of
from bot.adapters.web.upload import BadUpload, Timings, read_picture, wait_with_continue
from bot.core import Asker, Checker, Picture
from bot.errors import GiveUp, Refusal, TryLater
from bot.explanation import CONTENT_TYPE
from bot.metrics import Metrics
from bot.record import record
from bot.settings import Settings, is_loopback
from bot.wording import refused, say

if TYPE_CHECKING:
    from bot.inbox import Inbox
    from bot.store import Store

log = logging.getLogger(__name__)

UPLOADS = 16  # pictures of web visitors in memory at once, from the first byte to the verdict
JSON_BYTES = 16 * 1024  # pictures have their own limit


class WebAdapter:
    """The web adapter. `url` is where the page is, once `status` is "running"."""

    name = "web"

    def __init__(
        self,
        settings: Settings,
        checker: Checker | None,
        store: "Store",
        inbox: "Inbox",
        *,
        metrics: Metrics,
        timings: Timings | None = None,
    ) -> None:
        self.status = "starting"
        self.checker = checker
        self.url = ""
        self._settings = settings
        self._metrics = metrics
        self._timings = timings or Timings()
        self._uploads = asyncio.Semaphore(UPLOADS)
        self._closing = asyncio.Event()

    async def run(self) -> None:
        """Serves until cancelled or closed. GiveUp when others could reach it without a token."""
        own = self._settings.web
        if not own.token and (own.proxy or not is_loopback(own.host)):
            raise GiveUp(
                "Others could open the web page: set WEB_TOKEN, or [web] host to 127.0.0.1 and proxy to nothing."
            )
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            handler_cancellation=True,  # whoever went away needs no verdict
            keepalive_timeout=self._timings.connection,
            shutdown_timeout=self._timings.close,
        )
        await runner.setup()
        try:
            await _listen(runner, own.host, own.port)
            host, port = runner.addresses[0][:2]
            self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            self.status = "running"
            log.info("The page is on %s", self.url)
            await self._closing.wait()
        finally:
            self.status = "starting"
            await runner.cleanup()

    async def close(self) -> None:
        """No new connections; what was accepted is answered, then `run` ends."""
        self._closing.set()

    def _application(self) -> web.Application:
        own = self._settings.web
        page = Page(self._settings.checks)
        guard = Guard(
            loopback=is_loopback(own.host),
            token=own.token.reveal(),
            proxy=own.proxy,
            open_paths=page.paths | {"/healthz", "/readyz"},
        )
        app = web.Application(middlewares=[guard.middleware(), self._answer_errors], client_max_size=JSON_BYTES)
        for path in page.paths:
            app.router.add_get(path, page.serve)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/api/about", self._about)
        app.router.add_post("/api/check", self._check, expect_handler=wait_with_continue)
        app.router.add_post("/api/explain", self._explain, expect_handler=wait_with_continue)
        app.router.add_post("/api/report", self._report)
        if own.metrics:
            app.router.add_get("/metrics", self._metrics_text)
        return app

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        language = language_of(request)
        bug = trail.begin()
        try:
            return await handler(request)
        except BadUpload as refusal:
            response = web.json_response(
                {"refusal": refused(refusal, language), "reason": refusal.reason}, status=refusal.status
            )
            response.force_close()  # the rest of the body isn't worth reading
            return response
        except Refusal as refusal:
            return web.json_response({"refusal": refused(refusal, language), "reason": refusal.reason}, status=422)
        except TryLater as later:
            return _try_later(429, refused(later, language), later.seconds)
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:
            log.exception("Bug %s: %s %s", bug, request.method, request.path)
            return web.json_response({"error": "bug", "bug": bug, "text": say("error", language, id=bug)}, status=500)

    async def _check(self, request: web.Request) -> web.Response:
        checker = self.checker
        if checker is None:
            return self._not_ready(request)
        language = language_of(request)
        async with self._turn(language):
            data = await read_picture(request, self._settings.checks.max_bytes, self._timings, language)
            verdict = await checker.check(Picture(data), self._asker(request))
        return web.json_response(verdict_json(verdict, language, record(verdict, checker.model)))

    async def _explain(self, request: web.Request) -> web.Response:
        checker = self.checker
        if checker is None:
            return self._not_ready(request)
        bare, language = request.query.get("bare") == "1", language_of(request)
        async with self._turn(language):
            data = await read_picture(request, self._settings.checks.max_bytes, self._timings, language)
            drawn = await checker.explain(Picture(data), self._asker(request), language, bare=bare)
        return web.Response(body=drawn, content_type=CONTENT_TYPE)

    async def _report(self, request: web.Request) -> web.Response:
        if self.checker is None:
            return self._not_ready(request)
        body, language = await _json_body(request, self._timings.idle), language_of(request)
        sha256, says = str(body.get("sha256")), str(body.get("says"))
        if not re.fullmatch(r"[0-9a-f]{32,64}", sha256) or says not in {"ai", "real"}:
            raise BadUpload(400, "bad-report", say("web.bad_report", language))
        if await self.checker.recall(sha256) is None:
            raise BadUpload(404, "unknown-picture", say("web.unknown_picture", language))
        new = await self.checker.report(sha256, self._asker(request), says)
        text = say("web.reported" if new else "web.reported_before", language)
        return web.json_response({"reported": new, "text": text})

    async def _about(self, request: web.Request) -> web.Response:
        if self.checker is None:
            return self._not_ready(request)
        return web.json_response(about_json(self.checker.model, self._settings.checks, language_of(request)))

    async def _healthz(self, request: web.Request) -> web.Response:
        alive = self.checker is None or not self.checker.stuck
        return web.json_response({"alive": alive}, status=200 if alive else 503)

    async def _readyz(self, request: web.Request) -> web.Response:
        return self._not_ready(request) if self.checker is None else web.json_response({"ready": True})

    async def _metrics_text(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={hdrs.CONTENT_TYPE: self._metrics.content_type})

    def _not_ready(self, request: web.Request) -> web.Response:
        language = language_of(request)
        return _try_later(503, say("web.warming", language, what=say("web.the_model", language)), 2.0)

    def _asker(self, request: web.Request) -> Asker:
        who = f"web:{asker_address(request, self._settings.web.proxy)}"
        return Asker(chat=who, user=who)

    @asynccontextmanager
    async def _turn(self, language: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timings.turn):
                await self._uploads.acquire()
        except TimeoutError:
            raise TryLater(5.0, say("web.busy", language)) from None
        try:
            yield
        finally:
            self._uploads.release()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:  # perhaps a Candid that is just closing
            raise TryLater(2.0, f"Port {port} is taken by another program; [web] port can name another one.") from error
        raise GiveUp(
            f"The page can't be at {host} port {port} ([web] host and port): {error.strerror or error}."
        ) from error


def _try_later(status: int, text: str, seconds: float) -> web.Response:
    wait = max(1, math.ceil(seconds))
    response = web.json_response({"error": "try-later", "text": text, "seconds": wait}, status=status)
    response.headers[hdrs.RETRY_AFTER] = str(wait)
    return response


async def _json_body(request: web.Request, seconds: float) -> dict[str, Any]:
    """A small JSON object out of the request; an empty one when the body is anything else."""
    try:
        async with asyncio.timeout(seconds):
            body = json.loads(await request.read())
    except (TimeoutError, ValueError, RecursionError, web.HTTPException, web.RequestPayloadError):
        return {}
    return body if isinstance(body, dict) else {}
