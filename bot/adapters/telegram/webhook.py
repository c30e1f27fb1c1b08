"""The webhook: Telegram pushes updates to our own aiohttp server instead of being polled."""

import hmac
import json
import logging
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web
from telegram import Update
from telegram.error import BadRequest

from bot.adapters.telegram.link import ALLOWED_UPDATES, Bot, readable
from bot.errors import GiveUp
from bot.settings import TelegramSettings

logger = logging.getLogger(__name__)

_HEADER = "X-Telegram-Bot-Api-Secret-Token"
_LARGEST_UPDATE = 2**20


class Webhook:
    """Answers 200 only after `take` has returned: until then Telegram keeps the update and sends it again."""

    def __init__(self, settings: TelegramSettings, bot: Bot, take: Callable[[Update], Awaitable[None]]) -> None:
        self._settings = settings
        self._bot = bot
        self._take = take
        # There is always a secret: without one, anybody who finds the address could play Telegram.
        self._secret = settings.webhook_secret.reveal() or secrets.token_urlsafe(32)
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Listen to whoever knows the secret."""
        app = web.Application(client_max_size=_LARGEST_UPDATE)
        app.router.add_post("/{path:.*}", self._receive)  # a proxy in front may have changed the path
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=5.0)
        await self._runner.setup()
        host, _, port = self._settings.webhook_listen.rpartition(":")
        await web.TCPSite(self._runner, host.strip("[]"), int(port)).start()

    async def register(self) -> None:
        """Tell Telegram where. One of several processes does it for all."""
        try:
            await self._bot.set_webhook(
                self._settings.webhook_url, secret_token=self._secret, allowed_updates=ALLOWED_UPDATES
            )
        except BadRequest as error:
            raise GiveUp(f"Telegram does not take [telegram] webhook_url: {error.message}") from None

    async def close(self) -> None:
        """Stop listening. The webhook stays registered, so Telegram keeps what comes until the next start."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def _receive(self, request: web.Request) -> web.Response:
        if not hmac.compare_digest(request.headers.get(_HEADER, "").encode(), self._secret.encode()):
            logger.warning("A call of the webhook without the right secret was turned away")
            return web.Response(status=403)
        try:
            update = Update.de_json(readable(json.loads(await request.read())), self._bot)
        except ValueError:
            return web.Response(status=400)
        await self._take(update)
        return web.Response()
