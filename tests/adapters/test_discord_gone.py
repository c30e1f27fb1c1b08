"""What ends between a question and its answer on Discord: messages, channels, threads, permissions, tokens, urls."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.discord_rig import Rig, upload
from tests.peers.discord import Ask, Channel, Permission, Post


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path, message_content=True) as rig:
        rig.world.portal_message_content = True
        yield await rig.start()


async def held(rig: Rig) -> None:
    """The next picture is being looked at, and stays so until the gate opens."""
    await rig.world.until(lambda: rig.detector.at_gate)


async def told(rig: Rig) -> Post:
    """What the member gets as a direct message."""
    here = rig.world.direct(rig.member)
    await rig.world.until(lambda: rig.world.answers(here))
    [said] = rig.world.answers(here)
    return said


async def settled(rig: Rig) -> None:
    await rig.world.until(lambda: not rig.adapter._desk._work)
    assert await rig.inbox.unanswered("discord") == ([], [])


def bugs(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def lock(thread: Channel) -> None:
    thread.archived = thread.locked = True


async def test_a_mention_in_a_thread_that_is_locked_meanwhile(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    thread = rig.world.thread(rig.general)
    rig.detector.gate.clear()
    await rig.world.say(rig.member, thread, rig.world.bot.mention, uploads=[upload(255)])
    await held(rig)
    lock(thread)
    rig.detector.gate.set()
    said = await told(rig)
    assert "too slow" in said.text and "AI-generated" in said.text
    await settled(rig)
    assert len(rig.world.answers()) == 1 and bugs(caplog) == []


async def test_a_command_in_a_thread_that_is_locked_meanwhile(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    thread = rig.world.thread(rig.general)
    rig.detector.gate.clear()
    await rig.world.slash(rig.member, thread, "check", image=upload(255))
    await held(rig)
    lock(thread)
    rig.detector.gate.set()
    assert "AI-generated" in (await told(rig)).text
    await settled(rig)
    assert bugs(caplog) == []


async def test_an_archived_thread_opens_again_for_the_answer(rig: Rig) -> None:
    thread = rig.world.thread(rig.general)
    rig.detector.gate.clear()
    asked = await rig.world.say(rig.member, thread, rig.world.bot.mention, uploads=[upload(255)])
    await held(rig)
    thread.archived = True
    rig.detector.gate.set()
    assert "AI-generated" in (await rig.world.reply(asked)).text
    assert not thread.archived


@pytest.mark.parametrize("mode", ["react", "reply"])
async def test_an_automatic_check_in_a_thread_that_is_locked_meanwhile(
    rig: Rig, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    thread = rig.world.thread(rig.general)
    await rig.rule(channels=["*"], mode=mode)
    rig.detector.gate.clear()
    await rig.world.say(rig.member, thread, uploads=[upload(255)])
    await held(rig)
    lock(thread)
    rig.detector.gate.set()
    await settled(rig)
    assert rig.world.answers() == [] and bugs(caplog) == []
    assert any("Thread is archived" in record.getMessage() for record in caplog.records)


async def test_a_message_that_has_as_many_symbols_as_there_may_be(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.guild.bot_permissions = Permission(rig.guild.bot_permissions or 0) | Permission.ADD_REACTIONS
    await rig.rule(channels=["*"], mode="react")
    rig.detector.gate.clear()
    post = await rig.world.say(rig.member, rig.general, uploads=[upload(255)])
    await held(rig)
    post.reactions += [(chr(0x1F600 + n), rig.other) for n in range(20)]
    rig.detector.gate.set()
    await settled(rig)
    assert bugs(caplog) == []


@pytest.mark.parametrize("mode", ["react", "reply"])
async def test_an_automatic_check_of_a_message_that_is_deleted_meanwhile_is_not_shown(
    rig: Rig, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    caplog.set_level(logging.INFO)
    await rig.rule(channels=["*"], mode=mode)
    rig.detector.gate.clear()
    post = await rig.world.say(rig.member, rig.general, uploads=[upload(255)])
    await held(rig)
    post.deleted = True
    rig.detector.gate.set()
    await settled(rig)
    assert rig.world.answers() == []
    lines = [r.getMessage() for r in caplog.records]
    assert any(f"discord/message/{post.id}" in line and ("deleted" in line or "Unknown" in line) for line in lines)
    assert not any("Missing permission" in line for line in lines)


@pytest.mark.parametrize("door", ["mention", "slash"])
async def test_the_whole_channel_is_deleted_meanwhile(rig: Rig, caplog: pytest.LogCaptureFixture, door: str) -> None:
    rig.detector.gate.clear()
    asked: Ask | None = None
    if door == "slash":
        asked = await rig.world.slash(rig.member, rig.general, "check", image=upload(255))
    else:
        await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(255)])
    await held(rig)
    del rig.world.channels[rig.general.id]
    if asked is not None and asked.response is not None:
        asked.response.deleted = True
    rig.detector.gate.set()
    said = await told(rig)
    assert "too slow" in said.text and "AI-generated" in said.text
    await settled(rig)
    assert bugs(caplog) == [] and "Missing permission" not in caplog.text


async def test_the_bot_is_thrown_out_of_the_server_meanwhile(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.detector.gate.clear()
    await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(255)])
    await held(rig)
    rig.guild.bot_permissions = None
    rig.detector.gate.set()
    assert "AI-generated" in (await told(rig)).text
    await settled(rig)
    assert bugs(caplog) == []


async def test_permissions_are_taken_away_between_question_and_answer(rig: Rig) -> None:
    rig.detector.gate.clear()
    await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(255)])
    await held(rig)
    rig.general.denied = Permission.EMBED_LINKS | Permission.READ_MESSAGE_HISTORY
    rig.detector.gate.set()
    await rig.world.until(lambda: rig.world.answers(rig.general))
    [answer] = rig.world.answers(rig.general)
    assert "AI-generated" in answer.content and answer.embeds == [] and answer.reply_to is None


async def test_a_user_installed_candid_that_was_too_slow_writes_to_the_person(rig: Rig) -> None:
    friends = rig.world.group(rig.stranger, rig.member)
    rig.detector.gate.clear()
    await rig.world.slash(rig.stranger, friends, "check", image=upload(255))
    await held(rig)
    rig.world.pass_time(16 * 60)
    rig.detector.gate.set()
    here = rig.world.direct(rig.stranger)
    await rig.world.until(lambda: rig.world.answers(here))
    assert "AI-generated" in rig.world.answers(here)[0].text
    await settled(rig)
    assert len(rig.world.answers()) == 1


async def test_of_two_pictures_the_one_that_is_taken_out_is_not_mistaken_for_the_other(rig: Rig) -> None:
    first, second = upload(255, "first.png"), upload(0, "second.png")
    post = await rig.world.say(rig.admin, rig.general, uploads=[first, second])
    stale = post.payload(rig.world, shown=True)
    rig.world.pass_time(48 * 3600)
    rig.world.posts[post.id] = post
    post.uploads = [second]
    fresh = post.payload
    post.payload = lambda *args, **kwargs: stale  # type: ignore[method-assign]
    ask = await rig.world.menu(rig.member, post)
    post.payload = fresh  # type: ignore[method-assign]
    answer = await rig.world.answer(ask)
    assert ["first.png" in answer.embeds[0]["title"], "not there any more" in answer.embeds[0]["description"]] == [
        True,
        True,
    ]
    assert "second.png" in answer.embeds[1]["description"]
    assert "second.png" not in str(answer.embeds[0])
