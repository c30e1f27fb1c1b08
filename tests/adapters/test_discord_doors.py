"""The ways to ask on Discord: message menu, slash command, reply with a mention, direct message; and who may."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from discord import Locale
from discord.app_commands import TranslationContext, TranslationContextLocation, locale_str

from bot.adapters.discord import tree
from tests.adapters.discord_rig import Rig, picture, upload
from tests.peers.discord import Embedded, NotOffered, Permission, Upload


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path) as rig:
        yield await rig.start()


async def test_the_message_menu_needs_no_intent(rig: Rig) -> None:
    post = await rig.world.say(rig.admin, rig.general, "look", uploads=[upload(255)])
    ask = await rig.world.menu(rig.member, post)
    answer = await rig.world.answer(ask)
    assert ask.acked == 5  # deferred first
    assert "AI-generated" in answer.text
    assert answer.only_for is None
    assert len(rig.world.answers()) == 1


async def test_the_message_menu_works_on_a_bot_s_message(rig: Rig) -> None:
    maker = rig.guild.join(rig.world.person("maker", bot=True))
    post = await rig.world.say(maker, rig.general, uploads=[upload(255)])
    assert "AI-generated" in (await rig.world.answer(await rig.world.menu(rig.member, post))).text


async def test_the_message_menu_without_a_picture_says_so_to_one_person(rig: Rig) -> None:
    post = await rig.world.say(rig.admin, rig.general, "just text")
    answer = await rig.world.answer(await rig.world.menu(rig.member, post))
    assert "no picture" in answer.text
    assert answer.only_for is rig.member


async def test_a_server_that_the_bot_is_not_in_any_more_has_no_rules(rig: Rig) -> None:
    away = rig.world.guild("away", bot=None)
    away.join(rig.stranger)
    server = f"discord:{away.id}"
    await rig.community.rules.change(server, "test", language="de", per_server_per_day=1, log_channel=str(rig.log.id))
    posted = await rig.world.say(rig.stranger, rig.world.channel(away), uploads=[upload(255)])
    for _ in range(2):
        assert "Likely AI-generated" in (await rig.world.answer(await rig.world.menu(rig.stranger, posted))).text
    assert await rig.store.rows("SELECT 1 FROM cases") == await rig.store.rows("SELECT 1 FROM quotas") == []


async def test_slash_check(rig: Rig) -> None:
    answer = await rig.world.answer(await rig.world.slash(rig.member, rig.general, "check", image=upload(0)))
    assert "real" in answer.text.lower()


async def test_slash_check_of_something_else_is_refused_with_the_reason(rig: Rig) -> None:
    ask = await rig.world.slash(rig.member, rig.general, "check", image=Upload("notes.txt", b"hello, this is text"))
    answer = await rig.world.answer(ask)
    assert "not a picture" in answer.text
    assert not answer.embeds
    assert not answer.components


@pytest.mark.parametrize("words", ["{me} check", "check {me}", "{me}", "{me} is this real?"])
async def test_a_reply_that_mentions_the_bot(rig: Rig, words: str) -> None:
    post = await rig.world.say(rig.admin, rig.general, uploads=[upload(255)])
    asked = await rig.world.say(rig.member, rig.general, words.format(me=rig.world.bot.mention), reply_to=post)
    assert "AI-generated" in (await rig.world.reply(asked)).text
    assert len(rig.world.answers()) == 1


async def test_where_discord_hides_the_message_that_was_replied_to_the_menu_is_named(rig: Rig) -> None:
    rig.world.hide_references = True
    post = await rig.world.say(rig.admin, rig.general, uploads=[upload(255)])
    asked = await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention} check", reply_to=post)
    assert "Check image" in (await rig.world.reply(asked)).text


async def test_a_picture_with_a_mention(rig: Rig) -> None:
    asked = await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention} check", uploads=[upload(0)])
    assert "real" in (await rig.world.reply(asked)).text.lower()


async def test_a_reply_that_pings_the_bot_with_a_picture(rig: Rig) -> None:
    first = await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention}", uploads=[upload(0)])
    answer = await rig.world.reply(first)
    second = await rig.world.say(rig.member, rig.general, "and this one?", uploads=[upload(255)], reply_to=answer)
    assert "AI-generated" in (await rig.world.reply(second)).text


async def test_thanks_and_talk_about_the_bot_are_not_answered(rig: Rig) -> None:
    first = await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention}", uploads=[upload(0)])
    answer = await rig.world.reply(first)
    await rig.world.say(rig.member, rig.general, "thanks!", reply_to=answer)
    await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention} is a nice bot")
    await rig.world.say(rig.member, rig.general, uploads=[upload(255)])  # nobody asked
    last = await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention} check", uploads=[upload(0)])
    await rig.world.reply(last)
    assert len(rig.world.answers()) == 2


async def test_a_bare_mention_says_how_to_ask(rig: Rig) -> None:
    asked = await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention} help")
    assert "/check" in (await rig.world.reply(asked)).text


async def test_other_bots_are_not_answered(rig: Rig) -> None:
    other = rig.guild.join(rig.world.person("other", bot=True))
    await rig.world.say(other, rig.general, f"{rig.world.bot.mention} check", uploads=[upload(255)])
    asked = await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention} check", uploads=[upload(255)])
    await rig.world.reply(asked)
    assert len(rig.world.answers()) == 1


async def test_direct_messages(rig: Rig) -> None:
    here = rig.world.direct(rig.stranger)
    asked = await rig.world.say(rig.stranger, here, uploads=[upload(255)])
    assert "AI-generated" in (await rig.world.reply(asked)).text
    hello = await rig.world.say(rig.stranger, here, "hello")
    assert "picture" in (await rig.world.reply(hello)).text
    again = await rig.world.say(rig.stranger, here, "check", reply_to=asked)
    assert "AI-generated" in (await rig.world.reply(again)).text


async def test_threads(rig: Rig) -> None:
    thread = rig.world.thread(rig.general)
    await rig.world.gateway.say_raw("THREAD_CREATE", thread.payload)
    asked = await rig.world.say(rig.member, thread, f"{rig.world.bot.mention}", uploads=[upload(255)])
    assert "AI-generated" in (await rig.world.reply(asked)).text


async def test_a_user_installed_candid_in_a_server_where_it_is_not(rig: Rig) -> None:
    away = rig.world.guild("away", bot=None)
    away.join(rig.stranger)
    away.join(rig.member)
    there = rig.world.channel(away)
    post = await rig.world.say(rig.member, there, uploads=[upload(255)])
    assert "AI-generated" in (await rig.world.answer(await rig.world.menu(rig.stranger, post))).text
    assert "real" in (await rig.world.answer(await rig.world.slash(rig.stranger, there, "check", image=upload(0)))).text
    with pytest.raises(NotOffered):
        await rig.world.menu(rig.member, post)  # a member there who has not installed it


async def test_a_user_installed_candid_among_friends(rig: Rig) -> None:
    group = rig.world.group(rig.stranger, rig.member)
    post = await rig.world.say(rig.member, group, uploads=[upload(255)])
    answer = await rig.world.answer(await rig.world.menu(rig.stranger, post))
    assert "AI-generated" in answer.text
    assert "My score" in (await rig.world.answer(await rig.world.click(rig.member, answer, "Why?"))).text


async def test_external_apps_may_be_ephemeral(rig: Rig) -> None:
    away = rig.world.guild("away", bot=None)
    away.join(rig.stranger)
    there = rig.world.channel(away)
    ask = await rig.world.slash(rig.stranger, there, "check", image=upload(255))
    assert "AI-generated" in (await rig.world.answer(ask)).text


async def test_about_is_for_all(rig: Rig) -> None:
    answer = await rig.world.answer(await rig.world.slash(rig.member, rig.general, "candid about"))
    assert answer.only_for is rig.member
    assert rig.detector.version in answer.text
    assert "30 of 100" in answer.text  # the bands


async def test_the_commands_are_offered_everywhere(rig: Rig) -> None:
    assert {(c["name"], c["type"]) for c in rig.world.commands} == {("Check image", 3), ("check", 1), ("candid", 1)}
    for command in rig.world.commands:
        assert sorted(command["integration_types"]) == [0, 1]
        assert sorted(command["contexts"]) == [0, 1, 2]


async def test_a_link_is_looked_at_when_discord_has_unfurled_it(rig: Rig) -> None:
    link = Embedded("https://example.org/cat.png", picture(255), type="image", where="thumbnail")
    asked = await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention} https://example.org/cat.png")
    link.id = rig.world.snowflake()
    rig.world.cdn.keep(link)
    asked.links.append(link)
    assert "AI-generated" in (await rig.world.reply(asked)).text


async def test_a_channel_that_the_bot_can_t_see_is_silent_but_the_menu_works(rig: Rig) -> None:
    hidden = rig.world.channel(rig.guild, "hidden", denied=Permission.VIEW_CHANNEL)
    post = await rig.world.say(rig.member, hidden, f"{rig.world.bot.mention} check", uploads=[upload(255)])
    assert "AI-generated" in (await rig.world.answer(await rig.world.menu(rig.member, post))).text
    assert len(rig.world.answers()) == 1


@pytest.mark.parametrize(("location", "most"), [("command_name", 32), ("command_description", 100)])
async def test_commands_are_shown_in_the_languages_that_there_are(
    monkeypatch: pytest.MonkeyPatch, location: str, most: int
) -> None:
    monkeypatch.setattr(tree, "say", lambda key, language="en": f"{language} {key} " + "x" * 200)
    where: Any = TranslationContext(TranslationContextLocation[location], None)

    async def shown(text: locale_str, locale: Locale) -> str | None:
        return await tree.Translator().translate(text, locale, where)

    name = locale_str("Check image", key="discord.command.menu")
    german = await shown(name, Locale.german)
    assert german is not None
    assert german.startswith("de discord.command.menu")
    assert len(german) == most
    assert (await shown(name, Locale.chinese) or "").startswith("zh-CN ")
    assert (await shown(name, Locale.latin_american_spanish) or "").startswith("es ")
    assert await shown(name, Locale.korean) is None
    assert await shown(name, Locale.american_english) is None
    assert await shown(locale_str("check"), Locale.german) is None
