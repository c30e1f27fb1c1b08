"""Workers and bots as processes that can be killed, and how much the tests of faults ask of them.

They are short by default. `CANDID_FULL=1` gives them their full size and Candid's own patience.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from bot.settings import Settings
from tests.adapters.balancer import Balancer, free_port
from tests.commands.candid import ROOT
from tests.peers.discord import World
from tests.peers.telegram import Telegram

FULL = os.environ.get("CANDID_FULL") == "1"
REQUESTS = 500 if FULL else 120
CUT_SECONDS = 30.0 if FULL else 3.0
PATIENCE = 240.0 if FULL else 90.0
CLAIM = 20.0 if FULL else 1.5  # seconds until the tasks of a silent worker are taken over
LEASE = 15.0 if FULL else 3.0  # seconds until what a silent bot had accepted is taken over
CONFIG = """
{chat}
[web]
port = {port}
[model]
directory = "{versions}"
[checks]
per_user_burst = 100000
per_chat_burst = 100000
queue = 10000
"""
TELEGRAM = """
[telegram]
mode = "webhook"
webhook_url = "{hook}"
webhook_listen = "127.0.0.1:{listen}"
base_url = "{base_url}"
base_file_url = "{file_url}"
"""
DISCORD = """
[discord]
api = "{api}"
gateway = "{gateway}"
shards = "{shards}"
"""


class Worker:
    """A worker process; `log` has what it wrote."""

    def __init__(self, settings: Settings, *arguments: float, **environ: str) -> None:
        self.port = free_port()
        self.log = ""
        self._arguments = [str(one) for one in arguments]
        self._environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "REDIS_URL": settings.scale.redis.reveal(),
            "CANDID_LOG__FORMAT": "json",
            "CANDID_WEB__PORT": str(self.port),
            "CANDID_MODEL__DIRECTORY": settings.model.directory,
            "CANDID_STORE__PATH": settings.store.path,
            **environ,
        }
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns at once."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.scale.fake_worker", *self._arguments),
            env=self._environ,
            stderr=asyncio.subprocess.PIPE,
        )
        self._reading = asyncio.create_task(self._read(self._process.stderr))

    async def says(self, sentence: str) -> None:
        """Wait until this stands in its log."""
        assert self._reading is not None
        async with asyncio.timeout(60):
            while sentence not in self.log:
                assert not self._reading.done(), f"the worker ended by itself: {self.log}"
                await asyncio.sleep(0.02)

    async def status(self, path: str) -> int:
        """Of its answer, or 0 without one."""
        address = f"http://127.0.0.1:{self.port}{path}"
        try:
            async with aiohttp.ClientSession() as client, client.get(address) as response:
                return response.status
        except aiohttp.ClientError:
            return 0

    @property
    def returncode(self) -> int | None:
        assert self._process is not None
        return self._process.returncode

    def kill(self) -> None:
        """-9."""
        assert self._process is not None
        self._process.kill()

    async def wait(self) -> int:
        """Until it has ended; its exit code."""
        assert self._process is not None and self._reading is not None
        code = await self._process.wait()
        await self._reading
        return code

    async def _read(self, stream: asyncio.StreamReader | None) -> None:
        assert stream is not None
        while line := await stream.readline():
            self.log += line.decode()


@asynccontextmanager
async def worker_process(
    settings: Settings, seconds: float = 0.02, deadly: int = 0, **environ: str
) -> AsyncIterator[Worker]:
    """One that takes pictures."""
    worker = Worker(settings, seconds, CLAIM, deadly, **environ)
    await worker.start()
    try:
        await worker.says("takes pictures")
        yield worker
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()


class Bot:
    """A bot process with a Postgres and a Redis; `chat` is the part of its configuration that is about that."""

    def __init__(self, folder: Path, chat: str, versions: str, **environ: str) -> None:
        self.port = free_port()
        self.config, self.log = folder / f"{self.port}.toml", folder / f"{self.port}.log"
        self.config.write_text(CONFIG.format(chat=chat, port=self.port, versions=versions))
        self._environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
        self.process: asyncio.subprocess.Process | None = None

    @classmethod
    def on_telegram(cls, folder: Path, telegram: Telegram, balancer: Balancer, versions: str, **environ: str) -> "Bot":
        """One behind a balancer."""
        listen = free_port()
        balancer.ports.append(listen)
        chat = TELEGRAM.format(hook=balancer.url, listen=listen, base_url=telegram.url, file_url=telegram.file_url)
        secrets = {"TELEGRAM_TOKEN": telegram.token, "TELEGRAM_WEBHOOK_SECRET": "of-the-webhook"}
        return cls(folder, chat, versions, **secrets, **environ)

    @classmethod
    def on_discord(cls, folder: Path, discord: World, shards: str, versions: str, **environ: str) -> "Bot":
        """One with some of the servers."""
        chat = DISCORD.format(api=discord.api, gateway=discord.gateway.url, shards=shards)
        return cls(folder, chat, versions, DISCORD_TOKEN=discord.token, **environ)

    async def start(self) -> None:
        """Returns when it is ready to judge."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.scale.fake_bot", str(self.config), str(LEASE)),
                env=self._environ,
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(120):
            while await self._ready() != 200:
                assert self.process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.1)

    async def kill(self) -> None:
        """-9, if it runs."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def _ready(self) -> int:
        try:
            address = f"http://127.0.0.1:{self.port}/readyz"
            async with aiohttp.ClientSession() as client, client.get(address) as response:
                return response.status
        except aiohttp.ClientError:
            return 0
