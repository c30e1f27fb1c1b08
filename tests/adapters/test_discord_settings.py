"""Automatic mode and who may change it; missing intent and missing permissions, said in one line."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.errors import TryLater
from tests.adapters.discord_rig import Rig, picture, upload
from tests.peers.discord import Permission, Upload


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path, message_content=True) as rig:
        rig.world.portal_message_content = True
        yield await rig.start()


async def test_settings_are_for_those_who_manage_the_server(rig: Rig) -> None:
    refused = await rig.world.answer(await rig.world.slash(rig.member, rig.general, "candid settings"))
    assert "manage this server" in refused.text
    assert not refused.components
    panel = await rig.world.answer(await rig.world.slash(rig.admin, rig.general, "candid settings"))
    assert panel.only_for is rig.admin
    assert "off" in panel.text
    assert panel.components


async def test_an_admin_turns_automatic_mode_on_and_off(rig: Rig) -> None:
    panel = await rig.world.answer(await rig.world.slash(rig.admin, rig.general, "candid settings"))
    await rig.world.choose(rig.admin, panel, "Channels", rig.general)
    await rig.world.until(lambda: "are on" in panel.text)
    assert f"<#{rig.general.id}>" in panel.text
    post = await rig.world.say(rig.member, rig.general, uploads=[upload(255)])
    assert "AI-generated" in (await rig.world.reply(post)).text
    await rig.world.choose(rig.admin, panel, "Channels")
    await rig.world.until(lambda: "are off" in panel.text)
    await rig.world.say(rig.member, rig.general, uploads=[upload(255)])
    asked = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(0)])
    await rig.world.reply(asked)
    assert len([a for a in rig.world.answers(rig.general) if a.reply_to]) == 2


async def test_whoever_lost_the_right_meanwhile_changes_nothing(rig: Rig) -> None:
    panel = await rig.world.answer(await rig.world.slash(rig.admin, rig.general, "candid settings"))
    rig.guild.admins.clear()
    answer = await rig.world.answer(await rig.world.choose(rig.admin, panel, "Channels", rig.general))
    assert "manage this server" in answer.text
    assert (await rig.community.rules.read(f"discord:{rig.guild.id}")).channels == ()


async def test_the_settings_menu_survives_a_restart(rig: Rig) -> None:
    panel = await rig.world.answer(await rig.world.slash(rig.admin, rig.general, "candid settings"))
    await rig.restart()
    await rig.world.choose(rig.admin, panel, "Channels", rig.general)
    await rig.world.until(lambda: "are on" in panel.text)


async def test_settings_outside_of_a_server(rig: Rig) -> None:
    answer = await rig.world.answer(await rig.world.slash(rig.admin, rig.world.direct(rig.admin), "candid settings"))
    assert "only in a server" in answer.text
    away = rig.world.guild("away", bot=None)
    away.join(rig.stranger, admin=True)
    there = rig.world.channel(away)
    answer = await rig.world.answer(await rig.world.slash(rig.stranger, there, "candid settings"))
    assert "only in a server" in answer.text


async def test_automatic_mode_is_silent_about_refusals_and_limits(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.allow(rig.general)
    await rig.world.say(rig.member, rig.general, uploads=[Upload("broken.png", picture(9)[:50])])
    await rig.world.say(rig.member, rig.general, uploads=[Upload("notes.txt", b"text")])
    await rig.world.say(rig.member, rig.general, stickers=[rig.world.sticker("dance", b"{}", format=3)])
    mixed = await rig.world.say(
        rig.member, rig.general, uploads=[Upload("broken.png", picture(8)[:50]), upload(255, "good.png")]
    )
    answer = await rig.world.reply(mixed)
    assert len(answer.embeds) == 1
    real = rig.checker.check
    refused = 0

    async def busy(*args: object) -> object:
        nonlocal refused
        refused += 1
        if refused == 1:
            raise TryLater(1)
        return await real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(rig.checker, "check", busy)
    later = await rig.world.say(rig.member, rig.general, uploads=[upload(0)])
    await rig.world.reply(later)
    assert len(rig.world.answers(rig.general)) == 2


async def test_automatic_mode_in_threads_and_for_forwards(rig: Rig) -> None:
    await rig.allow(rig.general)
    thread = rig.world.thread(rig.general)
    await rig.world.gateway.say_raw("THREAD_CREATE", thread.payload)
    post = await rig.world.say(rig.member, thread, uploads=[upload(255)])
    await rig.world.reply(post)
    other = rig.world.channel(rig.guild, "other")
    source = await rig.world.say(rig.member, other, uploads=[upload(0)])
    forward = await rig.world.say(rig.member, rig.general, forward=source)
    await rig.world.reply(forward)
    assert rig.world.answers(other) == []


async def test_without_the_switch_in_the_portal_it_runs_on_without_automatic_mode(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Rig(tmp_path, message_content=True) as rig:
        await rig.start()
        lines = [r.getMessage() for r in caplog.records if "Message Content Intent" in r.getMessage()]
        assert len(lines) == 1
        assert "switch it on" in lines[0]
        assert rig.world.gateway.closed == [4014]
        await rig.allow(rig.general)
        await rig.world.say(rig.member, rig.general, uploads=[upload(255)])
        asked = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(0)])
        await rig.world.reply(asked)
        assert len(rig.world.answers()) == 1
        panel = await rig.world.answer(await rig.world.slash(rig.admin, rig.general, "candid settings"))
        assert "Message Content Intent" in panel.text


async def test_without_embed_links_the_answer_is_plain_text(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.general.denied = Permission.EMBED_LINKS
    await rig.world.gateway.say_raw("CHANNEL_UPDATE", rig.general.payload)
    for shade in (255, 255):
        asked = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(shade)])
        answer = await rig.world.reply(asked)
        assert not answer.embeds
        assert "AI-generated" in answer.content
        assert answer.components
    lines = [r.getMessage() for r in caplog.records if "Missing permission:" in r.getMessage()]
    assert len(lines) == 1
    assert "Embed Links" in lines[0]
    assert "#general" in lines[0]


async def test_without_history_it_answers_without_a_reference(rig: Rig) -> None:
    rig.general.denied = Permission.READ_MESSAGE_HISTORY
    await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(255)])
    await rig.world.until(lambda: rig.world.answers(rig.general))
    assert "AI-generated" in rig.world.answers(rig.general)[0].text


async def test_where_it_may_not_write_the_person_gets_a_direct_message(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    rig.general.denied = Permission.SEND_MESSAGES
    await rig.world.gateway.say_raw("CHANNEL_UPDATE", rig.general.payload)
    await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(255)])
    here = rig.world.direct(rig.member)
    await rig.world.until(lambda: rig.world.answers(here))
    text = rig.world.answers(here)[0].text
    assert f"<#{rig.general.id}>" in text
    assert "AI-generated" in text
    assert any("Send Messages" in r.getMessage() for r in caplog.records)
    rig.member.blocks_bot = True
    await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(0)])
    await rig.world.until(lambda: any("could not be told" in r.getMessage() for r in caplog.records) or None, 5)


async def test_the_panel_names_missing_permissions(rig: Rig) -> None:
    rig.general.denied = Permission.SEND_MESSAGES | Permission.EMBED_LINKS
    await rig.world.gateway.say_raw("CHANNEL_UPDATE", rig.general.payload)
    await rig.allow(rig.general)
    panel = await rig.world.answer(await rig.world.slash(rig.admin, rig.general, "candid settings"))
    assert "Send Messages, Embed Links" in panel.text
