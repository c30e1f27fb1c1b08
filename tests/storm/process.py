"""Candid as a process that can be killed."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.commands.conftest import add_version
from tests.peers.discord import World
from tests.peers.telegram import Telegram

LATE = 0.1  # seconds, one of the limits of the histogram in bot/metrics.py
CONFIG = """
[discord]
api = "{api}"
gateway = "{gateway}"
[telegram]
base_url = "{base_url}"
base_file_url = "{file_url}"
[web]
port = {port}
[store]
path = "{folder}/candid.sqlite3"
[model]
{model}
[checks]
per_user_burst = 100000
per_chat_burst = 100000
queue = 10000
"""


@dataclass(frozen=True)
class Late:
    looks: int
    late: int

    @property
    def share(self) -> float:
        return self.late / max(1, self.looks)


@asynccontextmanager
async def idle_loop() -> AsyncIterator[list[Late]]:
    """A loop beside it that does nothing: what it finds stands in the list after the block."""
    found: list[Late] = []
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.storm.idle", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield found
    finally:
        out, _ = await asyncio.wait_for(process.communicate(b""), 60)
    late = json.loads(out)
    found.append(Late(len(late), sum(seconds > LATE for seconds in late)))


class Candid:
    """One data folder; `start`, `kill` (-9) and `stop` (SIGTERM) a process on it."""

    def __init__(self, folder: Path, discord: World, telegram: Telegram, network: str = "fake") -> None:
        self.folder, self.network = folder, network
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        model = f'cache_directory = "{folder}/compiled"'
        if network == "fake":
            add_version(folder / "versions", "fake-1")
            model = f'directory = "{folder}/versions"'
        self.config = folder / "config.toml"
        self.config.write_text(
            CONFIG.format(
                api=discord.api, gateway=discord.gateway.url, base_url=telegram.url, file_url=telegram.file_url,
                port=self.port, folder=folder, model=model,
            )
        )  # fmt: skip
        self._environment = os.environ | {"DISCORD_TOKEN": discord.token, "TELEGRAM_TOKEN": telegram.token}
        self.process: asyncio.subprocess.Process | None = None
        self.log = folder / "candid.log"

    async def start(self) -> None:
        """Returns when it is ready to judge."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.storm.serve", str(self.config), self.network,
                env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip
        async with asyncio.timeout(120):
            while await self._status("/readyz") != 200:
                assert self.process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.1)

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        return await self._end(signal.SIGTERM)

    async def late(self) -> Late:
        """How often the event loop was looked at since the start, and how often it came back late by more than LATE."""
        metrics, name = await self._metrics(), "candid_event_loop_pause_seconds"
        looks = metrics[f"{name}_count"]
        return Late(int(looks), int(looks - metrics[f'{name}_bucket{{le="{LATE}"}}']))

    async def longest_pause(self) -> float:
        """Seconds for which the event loop was blocked at worst since the start."""
        return (await self._metrics())["candid_event_loop_longest_pause_seconds"]

    async def _metrics(self) -> dict[str, float]:
        async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{self.port}/metrics") as response:
            lines = (await response.text()).splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    async def _end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 60)

    async def _status(self, path: str) -> int:
        try:
            async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{self.port}{path}") as response:
                return response.status
        except aiohttp.ClientError:
            return 0
