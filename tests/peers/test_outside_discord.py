"""The same plain scenario on two servers: the loopback Discord of these tests, and one that somebody else wrote.

It shows whether both have the same idea of Discord. The other one needs node and a folder beside the repository.
"""

import asyncio
import dataclasses
import hashlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest

from bot.adapters.discord import DiscordAdapter
from bot.community import Community
from bot.core import Checker
from bot.inbox import Inbox
from bot.settings import ChecksSettings, DiscordSettings, Secret, default_settings
from bot.store import Store
from bot.supervisor import BackOff, Supervisor
from tests.conftest import make_picture
from tests.peers.discord import Ask, Post, Upload, World

FOLDER = Path(__file__).parents[2].parent / "shared" / "peers" / "discord"
INSTALL_SECONDS = 180.0
Message = dict[str, Any]


class Stage(Protocol):
    """A server with one channel and one person in it."""

    @property
    def settings(self) -> dict[str, Any]: ...
    @property
    def bot(self) -> str: ...
    async def ready(self) -> bool: ...
    async def say(self, content: str, *pictures: bytes, reply_to: str | None = None) -> str: ...
    async def menu(self, message: str) -> None: ...
    async def slash(self, picture: bytes) -> None: ...
    async def click(self, message: Message, label: str) -> None: ...
    async def drop(self) -> None: ...
    async def answers(self) -> list[Message]: ...


class Loopback:
    """Our own."""

    def __init__(self, world: World) -> None:
        self.world = world
        guild = world.guild()
        self.person = guild.join(world.person("alice"))
        self.channel = world.channel(guild)
        self.asks: list[Ask] = []

    @property
    def settings(self) -> dict[str, Any]:
        return {"api": self.world.api, "gateway": self.world.gateway.url, "token": Secret(self.world.token)}

    @property
    def bot(self) -> str:
        return str(self.world.bot.id)

    async def ready(self) -> bool:
        return self.world.gateway.online and bool(self.world.commands)

    async def say(self, content: str, *pictures: bytes, reply_to: str | None = None) -> str:
        uploads = [Upload(f"{n}.png", data) for n, data in enumerate(pictures)]
        target = self.world.posts[int(reply_to)] if reply_to else None
        return str((await self.world.say(self.person, self.channel, content, uploads=uploads, reply_to=target)).id)

    async def menu(self, message: str) -> None:
        await self.world.menu(self.person, self.world.posts[int(message)])

    async def slash(self, picture: bytes) -> None:
        await self.world.slash(self.person, self.channel, "check", image=Upload("x.png", picture))

    async def click(self, message: Message, label: str) -> None:
        await self.world.click(self.person, self.world.posts[int(message["id"])], label)

    async def drop(self) -> None:
        await self.world.gateway.drop()

    async def answers(self) -> list[Message]:
        def shown(post: Post) -> Message:
            return {"id": str(post.id), "content": post.content, "embeds": post.embeds, "components": post.components}

        return [shown(post) for post in self.world.answers(self.channel)]


class Outside:
    """Somebody else's, played through its control server."""

    def __init__(self, info: dict[str, str], session: aiohttp.ClientSession) -> None:
        self.info = info
        self.session = session

    @property
    def settings(self) -> dict[str, Any]:
        return {"api": self.info["rest"], "gateway": self.info["gateway"], "token": Secret(self.info["token"])}

    @property
    def bot(self) -> str:
        return self.info["botId"]

    async def _do(self, what: str, body: bytes | None = None, **data: Any) -> Any:
        sent = json.dumps(data).encode() if body is None else body
        async with self.session.post(self.info["control"] + what, data=sent) as answer:
            text = await answer.text()
            assert answer.status == 200, text
            return json.loads(text)

    async def ready(self) -> bool:
        return len(await self._do("/commands")) >= 3

    async def _upload(self, name: str, data: bytes) -> Message:
        found: Message = await self._do(f"/upload?name={name}&type=image/png&w=96&h=96", data)
        return found

    async def say(self, content: str, *pictures: bytes, reply_to: str | None = None) -> str:
        files = [await self._upload(f"{n}.png", data) for n, data in enumerate(pictures)]
        given: dict[str, Any] = {"content": content, "attachments": files}
        if reply_to:
            given["messageReference"] = {"message_id": reply_to, "channel_id": self.info["channelId"]}
        return str((await self._do("/say", **given))["id"])

    async def menu(self, message: str) -> None:
        commands = await self._do("/commands")
        command = next(c["id"] for c in commands if c["name"] == "Check image")
        target = next(m for m in await self._do("/messages") if m["id"] == message)
        resolved = {"messages": {message: target}}
        data = {"id": command, "name": "Check image", "type": 3, "target_id": message, "resolved": resolved}
        await self._do("/interact", type=2, data=data)

    async def slash(self, picture: bytes) -> None:
        command = next(c["id"] for c in await self._do("/commands") if c["name"] == "check")
        file = await self._upload("x.png", picture)
        options = [{"name": "image", "type": 11, "value": file["id"]}]
        resolved = {"attachments": {file["id"]: file}}
        data = {"id": command, "name": "check", "type": 1, "options": options, "resolved": resolved}
        await self._do("/interact", type=2, data=data)

    async def click(self, message: Message, label: str) -> None:
        items = [i for row in message["components"] for i in row["components"]]
        custom = next(i["custom_id"] for i in items if i["label"] == label)
        await self._do("/click", messageId=message["id"], customId=custom)

    async def drop(self) -> None:
        await self._do("/drop")

    async def answers(self) -> list[Message]:
        messages = [m for m in await self._do("/messages") if m["author"]["id"] == self.bot]
        return [m for m in messages if m["content"] or m["embeds"]]


@asynccontextmanager
async def loopback() -> AsyncIterator[Stage]:
    async with World() as world:
        yield Loopback(world)


async def _installed(npm: str) -> Path:
    """The other server with its packages, kept between runs."""
    digest = hashlib.sha256(b"".join(f.read_bytes() for f in sorted(FOLDER.iterdir()) if f.is_file())).hexdigest()
    folder = Path(tempfile.gettempdir()) / f"candid-outside-discord-{digest[:12]}"
    if (folder / "ready").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(FOLDER, folder)
    install = (npm, "install", "--no-audit", "--no-fund", "--ignore-scripts")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*install, cwd=folder, stdout=pipe, stderr=pipe)
    try:
        _, errors = await asyncio.wait_for(process.communicate(), INSTALL_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        pytest.skip("npm install of the outside peer takes too long here")
    if process.returncode:
        pytest.skip(f"npm install of the outside peer failed: {errors.decode()[-200:]}")
    (folder / "ready").touch()
    return folder


@asynccontextmanager
async def outside() -> AsyncIterator[Stage]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("the outside peer needs node and npm")
    if not FOLDER.is_dir():
        pytest.skip(f"the outside peer is not at {FOLDER}")
    folder = await _installed(npm)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as scratch:
        places = {"CONTROL_PORT": str(port), "CDN_DIR": f"{scratch}/cdn", "DB": f"{scratch}/twin.db"}
        process = await asyncio.create_subprocess_exec(
            node, "peer.mjs", cwd=folder, env=os.environ | places, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            info = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
            async with aiohttp.ClientSession() as session:
                yield Outside(info, session)
        finally:
            process.kill()
            await process.wait()
            await asyncio.sleep(0)


@pytest.fixture(params=[loopback, outside])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with request.param() as stage:
        yield stage


async def until(what: Callable[[], Awaitable[Any]], seconds: float = 20.0) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := await what()):  # noqa: ASYNC110  the other server has no event to wait for
            await asyncio.sleep(0.05)
        return found


async def test_the_same_scenario_on_both(stage: Stage, checker: Checker, store: Store, checks: ChecksSettings) -> None:
    discord: DiscordSettings = dataclasses.replace(default_settings().discord, **stage.settings)
    settings = dataclasses.replace(default_settings(), discord=discord, checks=checks)
    adapter = DiscordAdapter(settings, checker, store, Inbox(store, 900.0), community=Community.of(store, settings))
    supervisor = Supervisor(adapter, BackOff(first=0.1, most=0.3))
    running = asyncio.create_task(supervisor.run())
    try:
        await until(lambda: _true(adapter.status == "running"))
        await until(stage.ready)
        await _scenario(stage)
    finally:
        await supervisor.close()
        await running


async def _true(value: bool) -> bool:
    return value


async def _scenario(stage: Stage) -> None:
    white, black = make_picture(230, seed=1), make_picture(20, seed=2)
    mention = f"<@{stage.bot}>"

    async def next_answer(number: int) -> Message:
        async def found() -> Message | None:
            answers = await stage.answers()
            assert len(answers) <= number, "one answer each"
            return answers[number - 1] if len(answers) == number else None

        message: Message = await until(found)
        return message

    post = await stage.say("look at this", white)
    await stage.menu(post)
    answer = await next_answer(1)
    assert "AI-generated" in answer["embeds"][0]["title"]
    assert [i["label"] for row in answer["components"] for i in row["components"]] == ["Why?", "Wrong?"]

    await stage.slash(black)
    assert "real" in (await next_answer(2))["embeds"][0]["title"].lower()

    await stage.say(f"{mention} check", reply_to=post)
    assert "AI-generated" in (await next_answer(3))["embeds"][0]["title"]

    await stage.say(f"{mention} check", white, black)
    assert len((await next_answer(4))["embeds"]) == 2

    await stage.click(answer, "Why?")
    assert "My score" in (await next_answer(5))["embeds"][0]["description"]

    await stage.drop()
    await until(lambda: _reconnected(stage, mention, black), 30)


async def _reconnected(stage: Stage, mention: str, picture: bytes) -> bool:
    """After the drop: a question may fall into the gap of a server that has no RESUME, so ask until one is answered."""
    before = len(await stage.answers())
    await stage.say(f"{mention} check", picture)
    for _ in range(40):
        await asyncio.sleep(0.1)
        if len(await stage.answers()) > before:
            return True
    return False
