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
    """One Candid and one Discord, with a guild, its channels and people, a stranger, and another guild with its admin."""

    def __init__(self, folder: Path, *, review: bool = False, **settings: Any) -> None:
        self.world = World()
        self.folder = folder
        self.given = settings  # keys of [discord] and [checks]
        self.review = review  # the host names a folder for pictures to be reviewed
        self.guild: Guild = self.world.guild()
        self.general: Channel = self.world.channel(self.guild)
        self.log: Channel = self.world.channel(self.guild, "log")
        self.member: Person = self.guild.join(self.world.person("member"))
        self.other: Person = self.guild.join(self.world.person("other"))
        self.moderator: Person = self.guild.join(self.world.person("moderator"), moderator=True)
        self.admin: Person = self.guild.join(self.world.person("admin"), admin=True)
        self.stranger: Person = self.world.person("stranger", installed=True)
        self.elsewhere: Guild = self.world.guild("elsewhere")
        self.far: Channel = self.world.channel(self.elsewhere, "far")
        self.foreigner: Person = self.elsewhere.join(self.world.person("foreigner"), admin=True, moderator=True)
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
            (discord if key in ("message_content", "token", "gateway", "shards") else checks)[key] = value
        return dataclasses.replace(
            base,
            discord=dataclasses.replace(base.discord, **discord),
            checks=dataclasses.replace(base.checks, **checks),
            review=dataclasses.replace(base.review, directory=str(self.folder / "review") if self.review else ""),
        )

    @property
    def server(self) -> str:
        """The store's name of the guild."""
        return f"discord:{self.guild.id}"

    async def rule(self, **changes: Any) -> None:
        """Change the guild's rules, without the panel."""
        await self.community.rules.change(self.server, "test", **changes)

    def publish(self) -> None:
        """The model's card has figures and a curve."""
        tier = {"false_accusations": {"value": 0.012}, "recall": {"value": 0.43}}
        rates = {1000: (0.97, 0.21), 300: (0.9, 0.34), 100: (0.8, 0.45), 30: (0.5, 0.62)}
        curve = [
            {"rate": 1 / one_in, "threshold": edge, "recall": found, "false_accusations": 1 / one_in}
            for one_in, (edge, found) in rates.items()
        ]
        tiers = ("clean", "telegram", "hard")
        data = {"metrics": {"tiers": dict.fromkeys(tiers, tier)}, "curve": dict.fromkeys(tiers, curve)}
        self.detector.card = dataclasses.replace(self.detector.card, data=self.detector.card.data | data)

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
        await self.rule(channels=[str(channel.id) for channel in channels])
