"""`candid worker`: judges what bots hand over through Redis, and shows its health on [web] host and port."""

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from aiohttp import web

from bot.errors import SettingsError
from bot.logs import start_logging
from bot.metrics import Metrics
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.scale.worker import Worker

log = logging.getLogger(__name__)


def worker(settings: Settings) -> int:
    """Until SIGTERM or SIGINT; what was taken is finished first."""
    if not settings.scale.redis:
        raise SettingsError("[scale] redis is not set: a worker needs REDIS_URL, for example redis://127.0.0.1:6379/0.")
    start_logging(settings.log, settings.secrets())
    asyncio.run(_work(settings))
    return 0


async def _work(settings: Settings) -> None:
    from bot.scale import require

    require()
    from bot.scale.worker import Worker

    metrics = Metrics()
    one = Worker(settings, metrics)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, one.stop)
    runner = await _serve(settings, metrics, one) if settings.web.enabled else None
    try:
        await one.run()
    finally:
        if runner is not None:
            await runner.cleanup()
        log.info("Stopped")


async def _serve(settings: Settings, metrics: Metrics, one: "Worker") -> web.AppRunner:
    """/healthz, /readyz and /metrics, for whoever looks after it; nothing else."""

    async def healthz(request: web.Request) -> web.Response:
        return web.json_response({"alive": not one.stuck}, status=503 if one.stuck else 200)

    async def readyz(request: web.Request) -> web.Response:
        return web.json_response({"ready": one.ready}, status=200 if one.ready else 503)

    async def show(request: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": metrics.content_type})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", show)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.web.host, settings.web.port).start()
    except OSError as error:
        await runner.cleanup()
        raise SettingsError(
            f"[web] port {settings.web.port} is taken ({error.strerror}): give each worker on a machine its own, or 0."
        ) from error
    return runner
