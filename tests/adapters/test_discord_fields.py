"""Messages of a Discord that leaves out what there is nothing to say about, or sends only a part of a message."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.discord_rig import Rig, upload

EMPTY = frozenset({"components", "mentions", "mention_roles"})
WRITER = frozenset({"author", "member"})


@pytest.fixture
async def rig(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Rig]:
    async with Rig(tmp_path, message_content=True) as rig:
        rig.world.portal_message_content = True
        yield await rig.start()
    assert [one.getMessage() for one in caplog.get_records("call") if one.levelno >= logging.ERROR] == []


async def test_every_door_stands_open_to_messages_without_empty_lists(rig: Rig) -> None:
    rig.world.lacking = EMPTY
    post = await rig.world.say(rig.member, rig.general, "look", uploads=[upload(255)])
    assert "AI-generated" in (await rig.world.answer(await rig.world.menu(rig.other, post))).text
    own = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(0)])
    assert "real" in (await rig.world.reply(own)).text.lower()
    asked = await rig.world.say(rig.other, rig.general, f"{rig.world.bot.mention} check", reply_to=post)
    assert "AI-generated" in (await rig.world.reply(asked)).text
    forwarded = await rig.world.say(rig.member, rig.general, forward=post)
    assert "AI-generated" in (await rig.world.answer(await rig.world.menu(rig.other, forwarded))).text
    words = await rig.world.say(rig.member, rig.general, "hello")
    asked = await rig.world.say(rig.other, rig.general, f"{rig.world.bot.mention} check", reply_to=words)
    assert "no picture" in (await rig.world.reply(asked)).text


async def test_the_menu_of_a_message_that_does_not_say_who_wrote_it(rig: Rig) -> None:
    post = await rig.world.say(rig.member, rig.general, "look", uploads=[upload(255)])
    rig.world.lacking = WRITER
    assert "AI-generated" in (await rig.world.answer(await rig.world.menu(rig.other, post))).text


async def test_nobody_is_answered_where_it_is_not_said_who_wrote(rig: Rig) -> None:
    await rig.allow(rig.general)
    rig.world.lacking = WRITER
    post = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(255)])
    await rig.world.edit(post, f"{rig.world.bot.mention} look")
    rig.world.lacking = frozenset()
    last = await rig.world.say(rig.member, rig.log, rig.world.bot.mention, uploads=[upload(0)])
    await rig.world.reply(last)
    assert rig.world.answers(rig.general) == []
