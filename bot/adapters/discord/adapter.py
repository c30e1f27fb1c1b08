"""Candid on Discord: runs discord.py's client, and says what a person must change where it can't."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any

import discord
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.accounts.discord import api_address
from bot.adapters.discord.client import CandidClient
from bot.adapters.discord.counter import Counter
from bot.adapters.discord.delivery import Delivery, Revoked, Stale
from bot.adapters.discord.download import Downloads
from bot.adapters.discord.shards import ShardedClient, identify_turns, parse_shards
from bot.adapters.discord.sources import Finder
from bot.adapters.discord.timings import Timings
from bot.community import Community
from bot.core import Checker
from bot.errors import GiveUp
from bot.inbox import Inbox
from bot.settings import DiscordSettings, Settings
from bot.store import Store

log = logging.getLogger(__name__)

GATEWAY = DiscordWebSocket.DEFAULT_GATEWAY
DAY = 24 * 3600.0
BAD_TOKEN = (
    "Discord refuses the token. Make a new one in the developer portal (Bot, Reset Token) and set DISCORD_TOKEN."
)
NO_INTENT = (
    "Discord refuses the Message Content Intent: switch it on in the developer portal (Bot, Privileged Gateway "
    "Intents), or set [discord] message_content = false. Until then everything works but automatic mode."
)
TOO_FEW_SHARDS = (
    "Discord refuses one connection for so many servers (or the shard that this process asked for): name the shards in "
    'config.toml, [discord] shards, for example "0-3/4", and start Candid again.'
)
NO_USER_INSTALL = (
    "Discord refuses commands for people who install Candid for themselves: switch on User Install in the developer "
    "portal (Installation). Until then the commands are there in servers and direct messages only."
)


def point_to(settings: DiscordSettings) -> None:
    """discord.py keeps the addresses of the API and the gateway in its classes, for the whole process."""
    Route.BASE = api_address(settings)
    DiscordWebSocket.DEFAULT_GATEWAY = URL(settings.gateway) if settings.gateway else GATEWAY


class DiscordAdapter:
    """One Discord application. `run` may be called again after it raised: what was accepted goes on meanwhile."""

    name = "discord"

    def __init__(
        self,
        settings: Settings,
        checker: Checker,
        store: Store,
        inbox: Inbox,
        timings: Timings | None = None,
        *,
        community: Community,
    ) -> None:
        timings = timings or Timings()
        self.status = "starting"
        self._settings = settings.discord
        self._community = community
        self._timings = timings
        self._finder = Finder(settings.discord.api)
        self._delivery = Delivery(timings, self._on_revoked)
        self._downloads = Downloads(settings.checks.max_bytes, timings)
        self._counter = Counter(
            settings.checks, checker, community, inbox, self._delivery, self._finder, self._downloads, timings
        )
        self._desk = self._counter.desk
        self._content = settings.discord.message_content
        self._shards = parse_shards(settings.discord.shards)
        self._turn = identify_turns(settings) if self._shards is not None else None
        self._revoked = False
        self._stopping: asyncio.Task[None] | None = None
        self._closing = False
        self._client: CandidClient | None = None
        self._taken_up = False
        self._chores: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Works until it is closed or cancelled."""
        point_to(self._settings)
        if not self._taken_up:
            await self._desk.take_up()
            self._taken_up = True
        while not self._closing:
            try:
                await self._connect()
                return
            except discord.PrivilegedIntentsRequired:
                if not self._content:
                    raise
                log.warning("%s", NO_INTENT)
                self._content = False

    async def close(self) -> None:
        """Finish what is accepted; what comes in meanwhile is answered after the next start."""
        self._closing = True
        connected = self._delivery.client is not None  # else nothing can be delivered: all of it stays in the inbox
        await self._desk.close(self._timings.drain_seconds if connected else 0.0)
        await self._downloads.close()
        if self._client is not None:
            await self._client.close()

    async def _connect(self) -> None:
        self.status = "starting"
        self._revoked = False
        client = self._client = self._new_client()
        try:
            await client.login(self._settings.token.reveal())
            if self._settings.api and not self._settings.gateway:
                named = await client.http.request(Route("GET", "/gateway"))
                DiscordWebSocket.DEFAULT_GATEWAY = URL(named["url"])
            await client.connect()
        except discord.LoginFailure:
            raise GiveUp(BAD_TOKEN) from None
        except discord.ConnectionClosed as error:
            if error.code == 4004:
                raise GiveUp(BAD_TOKEN) from None
            if error.code in (4010, 4011):
                raise GiveUp(TOO_FEW_SHARDS) from None
            if error.code in (4012, 4013):
                raise GiveUp(f"Discord refuses this bot's connection for good (gateway code {error.code}).") from None
            raise
        except AttributeError:
            if client.ws is None:  # discord.py trips over its own feet where the first connect fails (its issue #10520)
                raise ConnectionError("Discord's gateway can't be reached") from None
            raise
        finally:
            self._delivery.lose()
            for chore in self._chores:
                chore.cancel()
            await client.close()
        if self._revoked:
            raise GiveUp(BAD_TOKEN)

    def _new_client(self) -> CandidClient:
        options: dict[str, Any] = {
            "content": self._content,
            "counter": self._counter,
            "community": self._community,
            "finder": self._finder,
            "changed": self._on_change,
            "logged_in": self._on_login,
        }
        if self._shards is None:
            return CandidClient(**options)
        return ShardedClient(self._shards, self._turn, **options)

    def _on_change(self, status: str) -> None:
        self.status = status

    def _on_login(self, client: CandidClient) -> None:
        self._delivery.use(client)
        self._do(self._sync(client))

    def _on_revoked(self) -> None:
        if not self._revoked:
            self._revoked = True
            self._stopping = asyncio.create_task(self._client.close()) if self._client is not None else None

    async def _sync(self, client: CandidClient) -> None:
        """Tell Discord the commands. Trouble here stops nothing else: mentions and direct messages work without."""
        try:
            try:
                await self._delivery.attempt(time.time() + DAY, lambda _: client.tree.sync())
            except discord.HTTPException as error:
                if error.status != 400:
                    raise
                log.warning("%s (%s)", NO_USER_INSTALL, error.text)
                client.tree.only_in_servers()
                await self._delivery.attempt(time.time() + DAY, lambda _: client.tree.sync())
        except (Stale, Revoked):
            return
        except discord.HTTPException as error:
            log.error("Discord refuses the commands, so that menu and slash commands are missing: %s", error)

    def _do(self, chore: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._chores.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("Discord: a chore failed", exc_info=task.exception())
