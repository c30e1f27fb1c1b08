"""Candid on Telegram by webhook, and between webhook and polling."""

import socket
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.errors import GiveUp
from bot.secret import Secret
from bot.settings import Settings
from tests.adapters.telegram_bot import LOOKING, answered, candid_on, picture, settings_for
from tests.peers.telegram import Telegram

SECRET = "a-secret-of-the-webhook"


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram() as server:
        yield server


@pytest.fixture
def hook(telegram: Telegram) -> Settings:
    """Settings for webhook mode on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{probe.getsockname()[1]}"
    url = f"http://{where}/telegram"
    return settings_for(telegram, mode="webhook", webhook_url=url, webhook_listen=where, webhook_secret=Secret(SECRET))


async def post(settings: Settings, body: bytes, secret: str | None) -> int:
    headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
    url = settings.telegram.webhook_url
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as response:
        return response.status


async def test_pictures_are_answered(telegram: Telegram, tmp_path: Path, hook: Settings) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path, settings=hook) as candid:
        ann.photo(picture(250))
        [answer] = await answered(telegram, ann.chat)
        ann.album([picture(10, seed=n) for n in range(3)])
        await answered(telegram, ann.chat, 2)
        assert candid.adapter.status == "running"
    assert answer.texts[0] == LOOKING and answer.edits == 1
    assert len(telegram.answers(ann.chat)) == 2
    assert telegram.updates.webhook and telegram.updates.webhook.secret == SECRET
    assert not telegram.called("getUpdates")


async def test_a_wrong_secret_is_turned_away(telegram: Telegram, tmp_path: Path, hook: Settings) -> None:
    ann = telegram.human("Ann")
    forged = b'{"update_id": 1, "message": {}}'
    async with candid_on(telegram, tmp_path, settings=hook):
        await telegram.until(lambda: telegram.updates.webhook)
        assert [await post(hook, forged, secret) for secret in (None, "", "wrong", SECRET + "x")] == [403] * 4
        assert await post(hook, b"{", SECRET) == 400
        assert await post(hook, b'{"update_id": 5, "message": {"date": "x"}}', SECRET) == 200  # it would not get better
        assert await post(hook, b"[]", SECRET) == 200
        ann.photo(picture(250))
        await answered(telegram, ann.chat)


async def test_an_update_that_could_not_be_written_down_is_delivered_again(
    telegram: Telegram, tmp_path: Path, hook: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path, settings=hook) as candid:
        await telegram.until(lambda: telegram.updates.webhook)
        accept, failures = candid.inbox.accept, [sqlite3.OperationalError("disk full")] * 2

        async def failing(*args: Any) -> bool:
            if failures:
                raise failures.pop()
            return await accept(*args)

        candid.inbox.accept = failing  # type: ignore[method-assign, assignment]
        ann.photo(picture(250))
        await answered(telegram, ann.chat)
    assert telegram.updates.webhook_answers[:3] == [500, 500, 200]
    assert len(telegram.answers(ann.chat)) == 1


async def test_from_webhook_to_polling_and_back(telegram: Telegram, tmp_path: Path, hook: Settings) -> None:
    ann = telegram.human("Ann")
    for number, settings in enumerate((hook, settings_for(telegram), hook), 1):
        ann.photo(picture(250, seed=number))  # sent while nobody is there
        async with candid_on(telegram, tmp_path, settings=settings):
            await answered(telegram, ann.chat, number)
    assert len(telegram.answers(ann.chat)) == 3


async def test_a_crash_in_webhook_mode_loses_nothing(telegram: Telegram, tmp_path: Path, hook: Settings) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path, settings=hook, kill=True):
        ann.photo(picture(250))
        await telegram.until(lambda: telegram.answers(ann.chat))
    async with candid_on(telegram, tmp_path, settings=hook):
        await answered(telegram, ann.chat)
    assert len(telegram.answers(ann.chat)) == 1


async def test_an_address_that_telegram_does_not_take_is_a_persons_business(telegram: Telegram, tmp_path: Path) -> None:
    settings = settings_for(telegram, mode="webhook", webhook_url="http://example.org/x", webhook_listen="127.0.0.1:0")
    async with candid_on(telegram, tmp_path, settings=settings) as candid:
        with pytest.raises(GiveUp, match="webhook_url"):
            await candid.task
