"""Candid on the loopback Discord: the real adapter and supervisor, with a detector that judges by brightness."""

import asyncio
import dataclasses
import io
from pathlib import Path
from typing import Any, Self

from PIL import Image

from bot.adapters.discord import DiscordAdapter, Timings
from bot.community import Community
from bot.core import Checker
from bot.inbox import Inbox
from bot.metrics import Metrics
from bot.settings import Secret, Settings, default_settings
from bot.store import Store
from bot.supervisor import BackOff, Supervisor
from tests.conftest import FakeDetector
from tests.peers.discord import Channel, Guild, Person, Upload, World

QUICK = Timings(
    first_retry=0.05,
    longest_retry=0.2,
    send_seconds=2.0,
    download_seconds=0.5,
    unfurl_seconds=0.1,
    tell_seconds=5.0,
    drain_seconds=5.0,
)


def picture(shade: int = 255, side: int = 96) -> bytes:
    """A plain PNG. White is "AI" to the fake detector, black is "real", grey is neither."""
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (shade, shade, shade)).save(buffer, "PNG")
    return buffer.getvalue()


def upload(shade: int = 255, name: str = "picture.png") -> Upload:
    return Upload(name, picture(shade))


class Rig:
    """One Candid and one Discord, with a guild, a channel, a member, an admin and a stranger."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.world = World()
        self.folder = folder
        self.given = settings  # keys of [discord] and [checks]
        self.guild: Guild = self.world.guild()
        self.general: Channel = self.world.channel(self.guild)
        self.member: Person = self.guild.join(self.world.person("member"))
        self.admin: Person = self.guild.join(self.world.person("admin"), admin=True)
        self.stranger: Person = self.world.person("stranger", installed=True)
        self.timings = QUICK
        self.detector = FakeDetector()

    def settings(self) -> Settings:
        base = default_settings()
        discord: dict[str, Any] = {
            "token": Secret(self.world.token),
            "api": self.world.api,
            "gateway": self.world.gateway.url,
        }
        checks: dict[str, Any] = {}
        for key, value in self.given.items():
            (discord if key in ("message_content", "token", "gateway") else checks)[key] = value
        return dataclasses.replace(
            base,
            discord=dataclasses.replace(base.discord, **discord),
            checks=dataclasses.replace(base.checks, **checks),
        )

    async def __aenter__(self) -> Self:
        await self.world.__aenter__()
        await self.prepare()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()
        await self.world.__aexit__()

    async def prepare(self) -> None:
        """Everything but the connection."""
        settings = self.settings()
        self.store = await Store.open(self.folder / "candid.sqlite3")
        self.inbox = Inbox(self.store, settings.checks.fresh_minutes * 60)
        self.checker = Checker(settings.checks, self.detector, self.store, Metrics())
        await self.checker.start()
        self.community = Community.of(self.store, settings)
        self.adapter = DiscordAdapter(
            settings, self.checker, self.store, self.inbox, self.timings, community=self.community
        )
        self.supervisor = Supervisor(self.adapter, BackOff(first=0.1, most=0.3))
        self.running: asyncio.Task[None] | None = None

    async def start(self, wait: bool = True) -> Self:
        """Connect, and wait until Discord has the commands."""
        self.running = asyncio.create_task(self.supervisor.run())
        if wait:
            await self.world.until(lambda: self.world.gateway.online and self.world.commands)
        return self

    async def stop(self) -> None:
        """As SIGTERM does it."""
        await self.supervisor.close()
        if self.running is not None:
            await self.running
        await self._put_away()

    async def crash(self) -> None:
        """As near to `kill -9` as one process can: nothing is finished, nothing is struck off."""
        assert self.running is not None
        self.adapter._desk._closing = True
        for task in (*self.adapter._desk._work, self.running):
            task.cancel()
        await asyncio.gather(self.running, return_exceptions=True)
        self.adapter._timings = dataclasses.replace(self.timings, drain_seconds=0.0)
        await self.adapter.close()
        await self._put_away()

    async def _put_away(self) -> None:
        await self.checker.close(1.0)
        await self.store.close()

    async def restart(self) -> Self:
        """A new process with the same data."""
        await self.stop()
        await self.prepare()
        return await self.start()

    async def allow(self, *channels: Channel) -> None:
        """Turn automatic mode on, without the menu."""
        await self.community.rules.change(f"discord:{self.guild.id}", "test", channels=[str(c.id) for c in channels])
