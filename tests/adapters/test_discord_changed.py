"""Discord messages that change after they were posted, and those that hold no attachment: polls, galleries, many files."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.discord_rig import Rig, picture, upload
from tests.peers.discord import Embedded, Post, Upload


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path, message_content=True, per_message=10) as rig:
        rig.world.portal_message_content = True
        yield await rig.start()


async def settled(rig: Rig) -> None:
    """What was said until now is worked off."""
    last = await rig.world.say(rig.admin, rig.log, rig.world.bot.mention, uploads=[upload(0)])
    await rig.world.reply(last)
    await rig.world.until(lambda: not rig.adapter._desk._work)


async def test_a_mention_that_is_added_later_is_answered_once(rig: Rig) -> None:
    post = await rig.world.say(rig.member, rig.general, "look", uploads=[upload(255)])
    await rig.world.edit(post, f"{rig.world.bot.mention} look")
    assert "AI-generated" in (await rig.world.reply(post)).text
    await rig.world.edit(post, f"{rig.world.bot.mention} look here")
    await settled(rig)
    assert len(rig.world.replies(post)) == 1


async def test_a_picture_that_is_added_later_is_checked_where_all_are(rig: Rig) -> None:
    await rig.allow(rig.general)
    linked = await rig.world.say(rig.member, rig.general, "https://example.org/a.png")
    link = Embedded("https://example.org/a.png", picture(255), type="image", where="thumbnail")
    await rig.world.edit(linked, links=[link])
    assert "AI-generated" in (await rig.world.reply(linked)).text
    added = await rig.world.say(rig.member, rig.general, "wait")
    await rig.world.edit(added, "here", uploads=[upload(0)])
    assert "real" in (await rig.world.reply(added)).text.lower()
    await rig.world.edit(added, "here it is")
    await settled(rig)
    assert len(rig.world.replies(linked)) == len(rig.world.replies(added)) == 1


async def test_edits_without_a_picture_and_of_old_messages_are_left_alone(rig: Rig) -> None:
    await rig.allow(rig.general)
    words = await rig.world.say(rig.member, rig.general, "hello")
    await rig.world.edit(words, rig.world.bot.mention)
    old = Post(rig.world.snowflake() - (20 * 60_000 << 22), rig.general, rig.member, "pinned", [upload(255)])
    rig.world.cdn.keep(*old.uploads)
    rig.world.publish(old)
    await rig.world.edit(old)
    await settled(rig)
    assert rig.world.answers(rig.general) == []


async def test_a_poll_has_no_picture_and_is_not_called_hidden(rig: Rig) -> None:
    poll = await rig.world.say(rig.admin, rig.general)
    poll.poll = {
        "question": {"text": "AI?"},
        "answers": [{"answer_id": 1, "poll_media": {"text": "yes"}}],
        "expiry": "2030-01-01T00:00:00+00:00",
        "allow_multiselect": False,
        "layout_type": 1,
    }
    asked = await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention} check", reply_to=poll)
    assert "no picture" in (await rig.world.reply(asked)).text
    assert "no picture" in (await rig.world.answer(await rig.world.menu(rig.member, poll))).text


async def test_the_gallery_of_a_bot_s_message(rig: Rig) -> None:
    other = rig.world.person("painter")
    other.bot = True
    files = [upload(255, "one.png"), upload(0, "two.png"), upload(128, "three.png")]
    post = await rig.world.say(rig.guild.join(other), rig.general, uploads=files)
    sent = [file.payload(rig.world, rig.general) for file in files]
    shown = [{"url": f["url"], "proxy_url": f["proxy_url"], "content_type": "image/png"} for f in sent]
    section = {"type": 9, "components": [{"type": 10, "content": "x"}], "accessory": {"type": 11, "media": shown[1]}}
    post.uploads = files[2:]  # whether Discord lists those that a component shows is its own business
    post.components = [
        {"type": 17, "components": [{"type": 12, "items": [{"media": shown[0]}, {"media": shown[2]}]}, section]}
    ]
    answer = await rig.world.answer(await rig.world.menu(rig.member, post))
    assert sorted(rig.world.cdn.served) == ["one.png", "three.png", "two.png"]
    assert len(answer.embeds) == 3


async def test_ten_files_of_which_three_are_no_pictures(rig: Rig) -> None:
    files = [upload(25 * n, f"{n}.png") for n in range(7)]
    files += [Upload("notes.txt", b"text"), Upload("film.mp4", b"film"), Upload("paper.pdf", b"%PDF")]
    post = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=files)
    answer = await rig.world.reply(post)
    assert len(answer.embeds) == 7 and sorted(rig.world.cdn.served) == [f"{n}.png" for n in range(7)]


async def test_a_command_while_the_model_is_not_ready_yet_is_acknowledged_and_answered(rig: Rig) -> None:
    rig.detector.gate.clear()
    ask = await rig.world.slash(rig.member, rig.general, "check", image=upload(255))
    await rig.world.until(lambda: ask.acked)
    await asyncio.sleep(3.2)  # beyond the time in which Discord wants to hear something
    assert ask.failed is None
    rig.detector.gate.set()
    assert "AI-generated" in (await rig.world.answer(ask)).text
