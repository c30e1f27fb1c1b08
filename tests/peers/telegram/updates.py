"""How updates reach a bot: the queue with its offset, one held poll at a time, or a webhook."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.peers.telegram.world import Json, Refused

DEFAULT_KINDS = frozenset({"message", "edited_message", "callback_query", "my_chat_member", "channel_post"})
_OTHER_POLLER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


@dataclass(frozen=True)
class Webhook:
    """Where updates are pushed to."""

    url: str
    secret: str | None


class Updates:
    """The updates that the bot has not confirmed yet."""

    def __init__(self) -> None:
        self.pending: list[Json] = []
        self.webhook: Webhook | None = None
        self.webhook_answers: list[int] = []
        self.retry_seconds = 0.05
        self._allowed = DEFAULT_KINDS
        self._next = 700_000_001
        self._news = asyncio.Event()
        self._held: asyncio.Future[None] | None = None
        self._pusher: asyncio.Task[None] | None = None

    def push(self, kind: str, payload: Any) -> None:
        """Queue one update, unless the bot did not ask for its kind."""
        if kind in self._allowed:
            self.push_raw({"update_id": self._next, kind: payload})

    def push_raw(self, update: Json) -> None:
        """Queue an update as it is, malformed or not; its id counts on."""
        update.setdefault("update_id", self._next)
        self._next = max(self._next, update["update_id"]) + 1
        self.pending.append(update)
        self._news.set()

    def allow(self, kinds: list[str] | None) -> None:
        """What `allowed_updates` does: an empty list is the default, none at all keeps what was."""
        if kinds is not None:
            self._allowed = frozenset(kinds) or DEFAULT_KINDS

    async def poll(self, offset: int, limit: int, seconds: float, allowed: list[str] | None) -> list[Json]:
        """getUpdates. A poll ends any other that is held, as the real one does."""
        if self.webhook:
            raise Refused(409, _WEBHOOK_ACTIVE)
        self.conflict()
        self.allow(allowed)
        if offset < 0:
            del self.pending[:offset]
        elif offset:
            self.pending = [u for u in self.pending if u["update_id"] >= offset]
        if not self.pending and seconds > 0:
            await self._hold(seconds)
        return self.pending[:limit]

    def conflict(self) -> bool:
        """End a held poll with 409, as another instance of the bot would. Says whether one was held."""
        held = self._held
        if held is None or held.done():
            return False
        held.set_exception(Refused(409, _OTHER_POLLER))
        return True

    async def _hold(self, seconds: float) -> None:
        held = self._held = asyncio.get_running_loop().create_future()
        self._news.clear()
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait((held, news), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
            if self._held is held:
                self._held = None
        if held.done():
            held.result()

    @property
    def polled_now(self) -> bool:
        """Whether a poll is held at this moment."""
        return self._held is not None

    async def set_webhook(self, webhook: Webhook | None) -> None:
        """Start or stop pushing."""
        await self.close()
        self.webhook = webhook
        if webhook:
            self.conflict()
            self._pusher = asyncio.create_task(self._push_all(webhook))

    async def close(self) -> None:
        """End the pusher."""
        if self._pusher:
            self._pusher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pusher
            self._pusher = None

    async def _push_all(self, webhook: Webhook) -> None:
        headers = {"X-Telegram-Bot-Api-Secret-Token": webhook.secret} if webhook.secret else {}
        async with aiohttp.ClientSession(headers=headers) as session:
            while True:
                while not self.pending:
                    self._news.clear()
                    await self._news.wait()
                status = await _post(lambda: session.post(webhook.url, json=self.pending[0]))
                self.webhook_answers.append(status)
                if 200 <= status < 300:
                    self.pending.pop(0)
                else:
                    await asyncio.sleep(self.retry_seconds)


async def _post(send: Callable[[], Any]) -> int:
    try:
        async with send() as response:
            return int(response.status)
    except (aiohttp.ClientError, OSError):
        return 0
