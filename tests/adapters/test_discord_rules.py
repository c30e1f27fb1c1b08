"""A server's rules on Discord: what automatic checks do, whom they leave alone, who may ask and how often, and how."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.adapters.discord.here import places
from bot.adapters.discord.post import missing
from tests.adapters.discord_rig import Rig, upload
from tests.peers.discord import Permission, Person, Post
from tests.peers.discord.faults import Status


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path, message_content=True) as rig:
        rig.world.portal_message_content = True
        rig.publish()
        rig.guild.role(rig.world.snowflake(), "artists", rig.other)
        yield await rig.start()


def role(rig: Rig) -> str:
    return str(next(iter(rig.guild.roles)))


async def post(rig: Rig, shade: int = 255, person: Person | None = None) -> Post:
    """A picture that nobody asks about."""
    return await rig.world.say(person or rig.member, rig.general, uploads=[upload(shade)])


async def settled(rig: Rig) -> None:
    """All that was accepted is worked off, and what an unasked picture would have brought is there."""
    last = await rig.world.say(rig.admin, rig.general, rig.world.bot.mention, uploads=[upload(0)])
    await rig.world.reply(last)
    await rig.world.until(lambda: not rig.adapter._desk._work)


def test_a_thread_whose_channel_is_not_known_is_a_place_too() -> None:
    class Somewhere:
        def get_channel(self, id: int) -> None:
            return None

    thread = discord.Thread.__new__(discord.Thread)
    thread.id, thread.parent_id, thread.guild = 5, 4, Somewhere()  # type: ignore[assignment]
    assert places(thread) == ["5", "4"] and missing(thread) == []


async def test_log_only_says_nothing_where_the_picture_is(rig: Rig) -> None:
    await rig.rule(channels=["*"], log_channel=str(rig.log.id), mode="log")
    flagged, fine = await post(rig, 255), await post(rig, 0)
    await settled(rig)
    assert rig.world.replies(flagged) == rig.world.replies(fine) == []
    assert flagged.reactions == fine.reactions == []
    said = "\n".join(one.text for one in rig.world.seen(rig.log))
    assert str(flagged.id) in said and str(fine.id) in said


@pytest.mark.parametrize(("shade", "symbol"), [(255, "🤖"), (0, "📷"), (128, "❔")])
async def test_a_symbol_instead_of_words(rig: Rig, shade: int, symbol: str) -> None:
    rig.guild.bot_permissions = Permission(rig.guild.bot_permissions or 0) | Permission.ADD_REACTIONS
    await rig.rule(channels=["*"], mode="react")
    posted = await post(rig, shade)
    await rig.world.until(lambda: posted.reactions)
    assert posted.reactions == [(symbol, rig.world.bot)]
    await settled(rig)
    assert rig.world.replies(posted) == []


async def test_without_the_permission_to_react_an_admin_is_told(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    await rig.rule(channels=[str(rig.general.id)], mode="react")
    posted = await post(rig)
    await settled(rig)
    assert posted.reactions == [] and rig.world.replies(posted) == []
    assert any("Missing permission: Add Reactions" in record.getMessage() for record in caplog.records)
    panel = await rig.world.answer(await rig.world.slash(rig.admin, rig.general, "candid settings"))
    assert "I lack: Add Reactions" in panel.text


async def test_replies_to_likely_ai_only(rig: Rig) -> None:
    await rig.rule(channels=["*"], mode="reply-ai")
    fine, unsure, flagged = await post(rig, 0), await post(rig, 128), await post(rig, 255)
    assert "Likely AI-generated" in (await rig.world.reply(flagged)).text
    await settled(rig)
    assert rig.world.replies(fine) == rig.world.replies(unsure) == []


async def test_everywhere_and_in_one_channel(rig: Rig) -> None:
    await rig.rule(channels=[str(rig.log.id)])
    outside = await post(rig)
    await settled(rig)
    assert rig.world.replies(outside) == []
    await rig.rule(channels=["*"])
    assert await rig.world.reply(await post(rig))


@pytest.mark.parametrize("kind", ["user", "role", "channel", "opt-out"])
async def test_whose_pictures_are_left_alone(rig: Rig, kind: str) -> None:
    await rig.rule(channels=["*"])
    if kind == "user":
        await rig.rule(exempt_users=[f"discord:user/{rig.other.id}"])
    elif kind == "role":
        await rig.rule(exempt_roles=[role(rig)])
    elif kind == "channel":
        await rig.rule(exempt_channels=[str(rig.general.id)])
    else:
        await rig.community.members.opt_out(f"discord:user/{rig.other.id}")
    alone = await post(rig, person=rig.other)
    checked = await rig.world.say(rig.member, rig.log, uploads=[upload()])
    assert await rig.world.reply(checked)
    await settled(rig)
    assert rig.world.replies(alone) == []
    asked = await rig.world.say(rig.other, rig.general, rig.world.bot.mention, uploads=[upload()])
    assert "Likely AI-generated" in (await rig.world.reply(asked)).text  # who asks about the own picture is answered


async def test_an_opted_out_members_picture_is_refused_through_every_door(rig: Rig) -> None:
    await rig.community.members.opt_out(f"discord:user/{rig.other.id}")
    theirs = await post(rig, person=rig.other)
    menu = await rig.world.answer(await rig.world.menu(rig.member, theirs))
    assert "doesn't want it to be checked" in menu.text and menu.only_for is rig.member
    reply = await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention} check", reply_to=theirs)
    assert "doesn't want it to be checked" in (await rig.world.reply(reply)).text
    assert "AI-generated" in (await rig.world.answer(await rig.world.menu(rig.other, theirs))).text
    assert len(rig.detector.passes) == 1


async def test_only_some_roles_may_ask(rig: Rig) -> None:
    await rig.rule(users=[role(rig)])
    picture = await post(rig)
    refused = await rig.world.answer(await rig.world.menu(rig.member, picture))
    assert "only some roles may ask" in refused.text and refused.only_for is rig.member
    refused = await rig.world.answer(await rig.world.slash(rig.member, rig.general, "check", image=upload()))
    assert "only some roles may ask" in refused.text
    mention = await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention} check", reply_to=picture)
    assert "only some roles may ask" in (await rig.world.reply(mention)).text
    assert rig.detector.passes == []
    for person in (rig.other, rig.admin):  # one has the role, the other could change the rule
        assert "AI-generated" in (await rig.world.answer(await rig.world.menu(person, picture))).text
    private = await rig.world.say(rig.member, rig.world.direct(rig.member), uploads=[upload()])
    assert "AI-generated" in (await rig.world.reply(private)).text  # no server, no rules


async def test_asking_is_no_way_around_automatic_checks(rig: Rig) -> None:
    """Whoever may not ask has the own picture checked as if nobody had asked; and is exempt where that is so."""
    await rig.rule(users=[role(rig)], channels=["*"], mode="log", log_channel=str(rig.log.id))
    evasive = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload()])
    await rig.world.until(lambda: rig.world.answers(rig.log))
    assert str(evasive.id) in rig.world.answers(rig.log)[0].text
    await settled(rig)
    assert rig.world.replies(evasive) == []
    theirs = await post(rig, person=rig.other)
    reply = await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention} check", reply_to=theirs)
    assert "only some roles may ask" in (await rig.world.reply(reply)).text
    await rig.rule(exempt_users=[f"discord:user/{rig.member.id}"])
    exempt = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(250)])
    assert "only some roles may ask" in (await rig.world.reply(exempt)).text


async def test_quotas(rig: Rig) -> None:
    await rig.rule(per_user_per_minute=1)

    async def ask(person: Person, shade: int) -> str:
        question = await rig.world.say(person, rig.general, rig.world.bot.mention, uploads=[upload(shade)])
        return (await rig.world.reply(question)).text

    assert "AI-generated" in await ask(rig.member, 255)
    assert "in a minute. Please try again in" in await ask(rig.member, 254)
    assert "AI-generated" in await ask(rig.other, 253)
    await rig.rule(per_user_per_minute=None, per_server_per_day=2)
    assert "AI-generated" in await ask(rig.member, 252)
    await rig.restart()  # which gives nobody a second day
    assert "AI-generated" in await ask(rig.other, 251)
    assert "used up the 2 checks" in await ask(rig.admin, 250)
    away = await rig.world.say(rig.foreigner, rig.far, rig.world.bot.mention, uploads=[upload()])
    assert "AI-generated" in (await rig.world.reply(away)).text  # another server's day is its own


async def test_the_sensitivity_moves_the_edge(rig: Rig) -> None:
    async def title(shade: int) -> Any:
        question = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(shade)])
        return (await rig.world.reply(question)).embeds[0]["title"]

    assert "Can't tell" in await title(160) and "AI-generated" in await title(220)
    await rig.rule(sensitivity=30)
    assert "AI-generated" in await title(160)
    await rig.rule(sensitivity=1000)
    assert "Can't tell" in await title(220) and "real" in await title(0)


async def test_the_audience_is_whoever_asked(rig: Rig) -> None:
    await rig.rule(audience="asker")
    picture = await post(rig)
    for ask in (
        await rig.world.menu(rig.member, picture),
        await rig.world.slash(rig.member, rig.general, "check", image=upload()),
    ):
        answer = await rig.world.answer(ask)
        assert "AI-generated" in answer.text and answer.only_for is rig.member
    await rig.rule(audience="everyone")
    assert (await rig.world.answer(await rig.world.menu(rig.member, picture))).only_for is None


async def test_a_private_answer_that_is_late_is_not_shown_to_all(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.rule(audience="asker", log_channel=str(rig.log.id))
    picture, asked, go = await post(rig), asyncio.Event(), asyncio.Event()
    real = rig.checker.check

    async def slow(*args: Any) -> object:
        asked.set()
        await go.wait()
        return await real(*args)

    monkeypatch.setattr(rig.checker, "check", slow)
    await rig.world.menu(rig.member, picture)
    await asked.wait()
    rig.world.pass_time(16 * 60)
    go.set()
    here = rig.world.direct(rig.member)
    await rig.world.until(lambda: rig.world.answers(here))
    assert "I was too slow" in rig.world.answers(here)[0].text and "AI-generated" in rig.world.answers(here)[0].text
    assert rig.world.answers(rig.general) == []


async def test_a_mention_is_answered_to_whoever_asked_only(rig: Rig) -> None:
    await rig.rule(audience="asker", log_channel=str(rig.log.id), sensitivity=30, per_server_per_day=2)
    picture = await post(rig, 160)
    here = rig.world.direct(rig.member)
    await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention} check", reply_to=picture)
    await rig.world.until(lambda: rig.world.answers(here) and rig.world.answers(rig.log))
    (told,) = rig.world.answers(here)
    assert "only whoever asks sees my answers" in told.text and "Likely AI-generated" in told.text
    assert f"/{rig.guild.id}/{rig.general.id}/{picture.id}" in told.text
    assert [post for post in rig.world.answers(rig.general) if post.only_for is None] == []
    await rig.restart()
    # The buttons know their server, its rules, and its quotas.
    reasons = await rig.world.answer(await rig.world.click(rig.member, told, "Why?"))
    assert reasons.uploads and "from 50 likely AI-generated" in reasons.text
    again = await rig.world.answer(await rig.world.click(rig.member, told, "Why?"))
    assert "2 checks that its admins allow" in again.text
    for button, said in (("Wrong?", "noted"), ("Appeal", "with the moderators")):
        form = await rig.world.click(rig.member, told, button)
        await rig.world.until(lambda form=form: form.modal is not None)
        assert said in (await rig.world.answer(await rig.world.submit(form, "mine"))).text
    assert "appeals: “mine”" in rig.world.answers(rig.log)[0].text


async def test_a_mention_does_not_hide_what_an_automatic_check_would_show(rig: Rig) -> None:
    await rig.rule(audience="asker", channels=["*"], mode="reply-ai", log_channel=str(rig.log.id))
    mention, here = rig.world.bot.mention, rig.world.direct(rig.member)
    posted = await rig.world.say(rig.member, rig.general, mention, uploads=[upload()])
    assert "AI-generated" in (await rig.world.reply(posted)).text and rig.world.answers(here) == []
    await rig.rule(mode="log")
    await rig.world.say(rig.member, rig.general, mention, uploads=[upload(254)])
    await rig.world.until(lambda: len(rig.world.answers(here)) == 1)
    await rig.rule(mode="reply-ai", exempt_users=[f"discord:user/{rig.member.id}"])
    await rig.world.say(rig.member, rig.general, mention, uploads=[upload(253)])
    await rig.world.until(lambda: len(rig.world.answers(here)) == 2)
    assert len(rig.world.answers(rig.general)) == 1


async def test_who_can_not_be_written_to_hears_how_to_ask(rig: Rig) -> None:
    await rig.rule(audience="asker")
    picture = await post(rig)
    rig.world.faults.add(f"POST /channels/{rig.world.direct(rig.member).id}/messages", Status(403))
    asked = await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention} check", reply_to=picture)
    reply = await rig.world.reply(asked)
    assert "choose Apps, Check image" in reply.text and "AI-generated" not in reply.text and not reply.embeds


async def test_the_language_is_the_servers_or_the_persons(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.adapters.discord import desk

    spoken: list[str] = []
    real = desk.compose

    def compose(*args: Any, **given: Any) -> object:
        spoken.append(args[2])
        return real(*args, **given)

    monkeypatch.setattr(desk, "compose", compose)
    rig.guild.locale, rig.member.locale = "pt-BR", "ja"
    await rig.world.gateway.say_raw("GUILD_UPDATE", rig.guild.payload)
    picture = await post(rig)
    await rig.world.answer(await rig.world.menu(rig.member, picture))
    await rig.world.reply(await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload()]))
    await rig.world.answer(await rig.world.slash(rig.member, rig.world.direct(rig.member), "check", image=upload()))
    await rig.rule(language="en")
    await rig.world.answer(await rig.world.menu(rig.member, picture))
    assert spoken == ["pt-BR", "pt-BR", "ja", "en"]


async def test_rules_of_one_server_are_not_those_of_another(rig: Rig) -> None:
    await rig.rule(channels=["*"])
    away = await rig.world.say(rig.foreigner, rig.far, uploads=[upload()])
    assert await rig.world.reply(await post(rig))
    await settled(rig)
    assert rig.world.replies(away) == []


async def test_rules_survive_a_restart(rig: Rig) -> None:
    await rig.rule(channels=["*"], mode="reply-ai", sensitivity=30)
    await rig.restart()
    assert "AI-generated" in (await rig.world.reply(await post(rig, 160))).text
