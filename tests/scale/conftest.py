"""A Redis of its own for each test, that can be stopped, started again empty, and cut off; and a Postgres for each file."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core import Checker
from bot.metrics import Metrics
from bot.secret import Secret
from bot.settings import ChecksSettings, Settings, default_settings
from bot.store import Store
from tests.commands.conftest import add_version
from tests.conftest import FakeDetector, empty_schema

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [
    Path(found).parent for found in [shutil.which("initdb")] if found
]


class Cluster:
    """A Postgres on a free port of 127.0.0.1 with its data in a folder. As root it runs as the user "postgres"."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.programs = folder, PROGRAMS[-1]
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.address = f"postgresql://candid@127.0.0.1:{self.port}/postgres?connect_timeout=5"

    def run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self.user, str(self.programs / program), *arguments],
            check=True,
            cwd="/",
            capture_output=True,
            timeout=120,
        )

    def create(self) -> None:
        if self.user:
            shutil.chown(self.folder, "postgres")
        self.run("initdb", "-D", f"{self.folder}/data", "-U", "candid", "--auth=trust", "--no-sync")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-o", options, "-w", "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "fast", "-w", "stop")


class RedisServer:
    """`redis-server` on a free port of 127.0.0.1, without persistence: after a restart it is empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *("redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)),
            stdout=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(20):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


class Line:
    """A line to Redis that can be cut: nothing goes through, and nobody is told."""

    def __init__(self, server: RedisServer) -> None:
        self.server, self.whole = server, asyncio.Event()
        self.whole.set()
        self.ends: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        listening = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        try:
            yield f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}/0"
        finally:
            listening.close()
            for end in self.ends:
                end.close()
            await listening.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.ends.add(writer)
        with suppress(OSError):
            theirs, ours = await asyncio.open_connection("127.0.0.1", self.server.port)
            self.ends.add(ours)
            await asyncio.gather(self._pass(reader, ours), self._pass(theirs, writer))
        writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await self.whole.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    pytest.importorskip("psycopg", reason="the extra `scale` is not installed")
    if not PROGRAMS or not (PROGRAMS[-1] / "initdb").exists():
        pytest.skip("Postgres is not installed (Debian's package postgresql)")
    folder = Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip())
    cluster = Cluster(folder)
    cluster.create()
    cluster.start()
    yield cluster
    cluster.stop()
    shutil.rmtree(folder)


@pytest.fixture
async def address(cluster: Cluster) -> AsyncIterator[Secret]:
    yield Secret(await empty_schema(cluster.address))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed (Debian's package of that name)")
    pytest.importorskip("taskiq_redis", reason="the extra `scale` is not installed")
    server = RedisServer(tmp_path)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def patience(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy for a second is not taken for a Redis that is away."""
    monkeypatch.setattr("bot.scale.reach.QUICK_SECONDS", 30.0)


@pytest.fixture
def settings(tmp_path: Path, checks: ChecksSettings, server: RedisServer) -> Settings:
    add_version(tmp_path / "versions", "fake-1")
    defaults = default_settings()
    return replace(
        defaults,
        checks=replace(checks, queue=2000),  # so that nobody is told to come again
        model=replace(defaults.model, directory=str(tmp_path / "versions"), poll_seconds=0.05),
        store=replace(defaults.store, path=str(tmp_path / "data" / "candid.sqlite3")),
        scale=replace(defaults.scale, redis=Secret(server.url)),
    )


@asynccontextmanager
async def working(settings: Settings, load: Callable[..., Any], metrics: Metrics | None = None) -> AsyncIterator[Any]:
    """A worker in this process."""
    from bot.scale.worker import Worker

    worker = Worker(settings, metrics or Metrics(), load)
    running = asyncio.create_task(worker.run())
    await until(lambda: worker.ready or running.done())
    try:
        yield worker
    finally:
        worker.stop()
        await running


@asynccontextmanager
async def asking(settings: Settings, store: Store, metrics: Metrics | None = None) -> AsyncIterator[Checker]:
    """A Checker that asks workers."""
    from bot.scale.remote import RemoteJudge

    metrics = metrics or Metrics()
    checker = Checker(settings.checks, RemoteJudge(settings, metrics), store, metrics)
    await checker.start()
    try:
        yield checker
    finally:
        await checker.close(10)


async def until(true: Callable[[], Any], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110  anything can be waited for in this way
            await asyncio.sleep(0.02)


async def until_it_says(true: Callable[[], Awaitable[Any]], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def in_line(checker: Checker) -> int:
    """How many of its pictures hold a turn among all processes, or wait for one, as Redis knows."""
    return sum(place.stands for place in checker._judge._among_all._places.values())  # type: ignore[attr-defined]


def loads(detector: FakeDetector) -> Callable[..., FakeDetector]:
    return lambda directory, views, cache: detector
