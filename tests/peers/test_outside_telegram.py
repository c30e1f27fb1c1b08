"""The same scenario on our own loopback Telegram and on telemelya, a mock Bot API that somebody else wrote.

telemelya needs packages that are no part of this project. Make a virtual environment with `telemelya fakeredis
moto[server,s3]` and name its interpreter in OUTSIDE_TELEGRAM_PYTHON; otherwise its half is skipped, and says why.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest
from aiohttp import web

from bot.secret import Secret
from bot.settings import Settings
from bot.wording import say
from tests.adapters.telegram_bot import LOOKING, candid_on, picture, settings_for
from tests.peers.telegram import Telegram

SCRIPT = Path(__file__).parents[2].parent / "shared" / "peers" / "telegram" / "run_telemelya.py"
PYTHON = os.environ.get("OUTSIDE_TELEGRAM_PYTHON", sys.executable)
URL = "http://127.0.0.1:8081"  # the script's
SECRET = "a-secret-of-the-webhook"
CHAT = 4242


class Stage(Protocol):
    """What the scenario needs of a Telegram."""

    settings: Settings

    async def send_photo(self, data: bytes) -> None: ...
    async def texts(self) -> list[str]:
        """Every text that the bot's first message ever had."""

    async def press(self, label: str) -> None: ...
    async def alert(self) -> str:
        """What the last pressed button was answered with; "" while it is not."""


async def play(stage: Stage, folder: Path) -> None:
    """A photo comes, is looked at, judged; both buttons work."""
    async with candid_on(Telegram(), folder, settings=stage.settings):
        await asyncio.sleep(0.5)
        await stage.send_photo(picture(250))
        first, last = await _until(stage.texts, 2)
        assert first == LOOKING
        assert say("verdict.title-ai") in last and "fake-1" in last
        for label, words in (("telegram.wrong", "telegram.noted"), ("telegram.wrong", "telegram.noted_before")):
            await stage.press(say(label))
            assert await _until(stage.alert) == say(words)
        await stage.press(say("telegram.why"))
        await asyncio.sleep(0.5)
        assert len(await stage.texts()) == 2


async def _until(ask: Any, length: int = 1) -> Any:
    for _ in range(100):
        if len(found := await ask()) >= length:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"it never came: {found}")


class Own:
    """Our own loopback Telegram."""

    def __init__(self, telegram: Telegram, settings: Settings) -> None:
        self.settings = settings
        self._telegram = telegram
        self._ann = telegram.human("Ann")
        self._press = telegram.methods.presses

    async def send_photo(self, data: bytes) -> None:
        self._ann.photo(data)

    async def texts(self) -> list[str]:
        answers = self._telegram.answers(self._ann.chat)
        return answers[0].texts if answers else []

    async def press(self, label: str) -> None:
        self._ann.presses(self._telegram.answers(self._ann.chat)[0], label)

    async def alert(self) -> str:
        last = list(self._press.values())[-1]
        return last.text


class Telemelya:
    """Somebody else's, played through its control interface."""

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self.settings = settings
        self._session = session
        self._answers_before = 0

    async def send_photo(self, data: bytes) -> None:
        form = aiohttp.FormData()
        form.add_field("file", data, filename="photo.jpg", content_type="image/jpeg")
        async with self._session.post("/api/v1/test/upload_media", data=form) as response:
            file_id = (await response.json())["file_id"]
        await self._update(photo_file_id=file_id)

    async def texts(self) -> list[str]:
        said = [r for r in await self._responses() if r["method"] in ("sendMessage", "editMessageText")]
        return [r["text"] for r in said if r["message_id"] == said[0]["message_id"]]

    async def press(self, label: str) -> None:
        responses = await self._responses()
        self._answers_before = sum(r["method"] == "answerCallbackQuery" for r in responses)
        shown = [r for r in responses if r.get("reply_markup")][-1]
        buttons = [button for row in shown["reply_markup"]["inline_keyboard"] for button in row]
        data = next(button["callback_data"] for button in buttons if button["text"] == label)
        await self._update(callback_data=data, callback_message_id=shown["message_id"])

    async def alert(self) -> str:
        answers = [r for r in await self._responses() if r["method"] == "answerCallbackQuery"]
        return (answers[-1]["text"] or "") if len(answers) > self._answers_before else ""

    async def _update(self, **fields: Any) -> None:
        url = f"/api/v1/test/send_update?bot_token={self.settings.telegram.token.reveal()}"
        async with self._session.post(url, json={"chat_id": CHAT, **fields}) as response:
            assert response.status == 200, await response.text()

    async def _responses(self) -> list[dict[str, Any]]:
        async with self._session.get("/api/v1/test/responses") as response:
            found: list[dict[str, Any]] = (await response.json())["responses"]
            return found


def webhook(settings: Settings, port: int, url: str) -> Settings:
    """The settings in webhook mode."""
    where = f"127.0.0.1:{port}"
    telegram = replace(
        settings.telegram, mode="webhook", webhook_url=url, webhook_listen=where, webhook_secret=Secret(SECRET)
    )
    return replace(settings, telegram=telegram)


@asynccontextmanager
async def adding_the_secret(port: int) -> AsyncIterator[str]:
    """telemelya sends no secret; this relay adds it, as the real Telegram would have done."""

    async def relay(request: web.Request) -> web.Response:
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        body = await request.read()
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"http://127.0.0.1:{port}/", data=body, headers=headers) as response,
        ):
            return web.Response(status=response.status)

    app = web.Application()
    app.router.add_post("/", relay)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", own := free_port())
    await site.start()
    try:
        yield f"http://127.0.0.1:{own}/"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running_telemelya() -> AsyncIterator[aiohttp.ClientSession]:
    """Start the script and wait until it answers."""
    process = await asyncio.create_subprocess_exec(
        PYTHON, str(SCRIPT), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with aiohttp.ClientSession(URL, headers={"Authorization": "Bearer any"}) as session:
            for _ in range(300):
                await asyncio.sleep(0.1)
                try:
                    async with session.get("/api/v1/test/health") as response:
                        if response.status == 200:
                            break
                except aiohttp.ClientError:
                    assert process.returncode is None, "telemelya ended by itself"
            yield session
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def why_not() -> str:
    """The reason why telemelya can't be run here, or ""."""
    if not SCRIPT.is_file():
        return f"{SCRIPT.name} is not there"
    process = await asyncio.create_subprocess_exec(
        PYTHON, "-c", "import telemelya, fakeredis, moto", stderr=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        return "telemelya, fakeredis and moto are not installed (see OUTSIDE_TELEGRAM_PYTHON)"
    with socket.socket() as probe:
        return "port 8081 is taken" if probe.connect_ex(("127.0.0.1", 8081)) == 0 else ""


async def test_on_our_own(tmp_path: Path) -> None:
    async with Telegram() as telegram:
        port = free_port()
        settings = webhook(settings_for(telegram), port, f"http://127.0.0.1:{port}/")
        await play(Own(telegram, settings), tmp_path)


async def test_on_telemelya(tmp_path: Path) -> None:
    if reason := await why_not():
        pytest.skip(reason)
    async with running_telemelya() as session, adding_the_secret(port := free_port()) as url:
        plain = settings_for(Telegram())
        there = replace(plain, telegram=replace(plain.telegram, base_url=URL, base_file_url=""))
        await play(Telemelya(webhook(there, port, url), session), tmp_path)
