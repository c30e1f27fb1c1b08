"""Candid in a private chat on Telegram."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.wording import languages, say
from tests.adapters.telegram_bot import LOOKING, answered, candid_on, nothing_open, picture, settings_for
from tests.peers.telegram import Telegram


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram() as server:
        yield server


async def test_a_photo_is_answered_once_with_one_edit_of_the_placeholder(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path) as candid:
        sent = ann.photo(picture(250))
        [answer] = await answered(telegram, ann.chat)
    assert answer.texts[0] == LOOKING and answer.edits == 1
    assert answer.reply_to is sent
    assert "AI" in answer.text
    assert answer.buttons == [say("telegram.why", "en"), say("telegram.wrong", "en")]
    assert candid.adapter.status == "running"


async def test_a_photo_counts_as_recompressed_and_a_file_as_original(telegram: Telegram, tmp_path: Path) -> None:
    ann, data = telegram.human("Ann"), picture(128)
    async with candid_on(telegram, tmp_path):
        ann.photo(data)
        await answered(telegram, ann.chat)
        ann.file(data)
        photo, file = await answered(telegram, ann.chat, 2)
    advice = say("verdict.advice-recompressed")
    assert say("verdict.title-unsure") in photo.text and say("verdict.title-unsure") in file.text
    assert advice in photo.text and advice not in file.text
    assert say("verdict.arrival-recompressed") in photo.text and say("verdict.arrival-original") in file.text


async def test_an_album_is_answered_once(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path) as candid:
        parts = ann.album([picture(250, seed=n) for n in range(4)])
        [answer] = await answered(telegram, ann.chat)
        await asyncio.sleep(0.3)
        assert telegram.answers(ann.chat) == [answer]
        await nothing_open(candid)
    assert answer.reply_to is parts[0] and answer.edits == 1
    assert [f"{n}. " in answer.text for n in range(1, 6)] == [True, True, True, True, False]
    assert len(answer.buttons) == 8


async def test_pictures_over_the_limit_of_a_message_are_said_to_be_left_out(telegram: Telegram, tmp_path: Path) -> None:
    ann, settings = telegram.human("Ann"), settings_for(telegram)
    settings = replace(settings, checks=replace(settings.checks, per_message=2))
    async with candid_on(telegram, tmp_path, settings=settings):
        ann.album([picture(250, seed=n) for n in range(5)])
        [answer] = await answered(telegram, ann.chat)
    assert say("telegram.left_out", looked=2, left=3) in answer.text and "3. " not in answer.text


async def test_albums_of_two_people_are_not_mixed(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    async with candid_on(telegram, tmp_path):
        ann.album([picture(250, seed=n) for n in range(2)])
        ben.album([picture(10, seed=n) for n in range(3)], files=True)
        [first] = await answered(telegram, ann.chat)
        [second] = await answered(telegram, ben.chat)
    assert "2. " in first.text and "3. " not in first.text
    assert "3. " in second.text


async def test_what_is_no_still_picture_is_refused_with_what_to_do(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path):
        ann.moving("animation")
        ann.moving("video")
        ann.sticker(b"tgs", animated=True)
        ann.file(b"%PDF", name="a.pdf", mime="application/pdf")
        ann.file(b"much", size=21 * 2**20)
        answers = await answered(telegram, ann.chat, 5)
    texts = sorted(answer.text for answer in answers)
    moving = say("telegram.moving", "en")
    large = say("telegram.too_large", "en", megabytes=20)
    assert texts == sorted([moving, moving, moving, say("telegram.not_a_picture", "en"), large])
    assert not any(answer.buttons for answer in answers)
    assert telegram.files.downloads == 0


async def test_the_server_may_call_a_file_too_big_that_did_not_say_its_size(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path):
        message = telegram.world.add(ann.chat, ann.person, media=telegram.files.document(b"x", "a.png", None, 2**25))
        assert message.media
        del message.media.json["file_size"]
        telegram.updates.push("message", message.json())
        [answer] = await answered(telegram, ann.chat)
    assert answer.text == say("telegram.too_large", "en", megabytes=20)


async def test_a_static_sticker_is_looked_at(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path):
        ann.sticker(picture(250, format="WEBP"))
        [answer] = await answered(telegram, ann.chat)
    assert answer.buttons


async def test_the_same_update_twice_is_answered_once(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path):
        sent = ann.photo(picture(250))
        telegram.updates.push("message", sent.json())
        await answered(telegram, ann.chat)
        telegram.updates.push("message", sent.json())
        ann.says("/help")
        await answered(telegram, ann.chat, 2)
    assert len(telegram.answers(ann.chat)) == 2


async def test_help_start_about_and_small_talk(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path):
        for text in ("/start", "/help", "hello?", "/settings", "/check"):
            ann.says(text)
        answers = await answered(telegram, ann.chat, 5)
        ann.says("/about")
        about = (await answered(telegram, ann.chat, 6))[-1]
    private, settings = say("telegram.help_private", "en"), say("telegram.settings_private", "en")
    nothing = say("telegram.nothing_to_check", "en")
    assert sorted(m.text for m in answers) == sorted([private, private, private, settings, nothing])
    assert about.text


async def test_commands_are_registered_for_each_scope(telegram: Telegram, tmp_path: Path) -> None:
    async with candid_on(telegram, tmp_path):
        await telegram.until(lambda: len(telegram.methods.commands) == 4 * len(languages()))
    names = {scope: {c["command"] for c in commands} for scope, commands in telegram.methods.commands.items()}
    assert "settings" in names["all_chat_administrators"]
    assert all(f"default {code[:2]}" in names for code in languages() if code != "en")
    assert "settings" not in names["all_group_chats"] | names["all_private_chats"] | names["default"]
    assert "check" in names["all_group_chats"]
