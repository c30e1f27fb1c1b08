"""Candid as a process that can be killed."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp

from tests.commands.conftest import add_version
from tests.peers.discord import World
from tests.peers.telegram import Telegram

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

    async def longest_pause(self) -> float:
        """Seconds for which the event loop was blocked at worst since the start."""
        async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{self.port}/metrics") as response:
            lines = (await response.text()).splitlines()
        name = "candid_event_loop_longest_pause_seconds "
        return next(float(line.removeprefix(name)) for line in lines if line.startswith(name))

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
