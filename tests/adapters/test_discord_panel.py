"""The settings panel: every rule can be set there, by those who may at that moment, with an audit row a change."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.community import Audience, Mode, Rules
from tests.adapters.discord_rig import Rig, upload
from tests.peers.discord import Ask, Channel, Permission, Post


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path, message_content=True, review=True) as rig:
        rig.world.portal_message_content = True
        rig.publish()
        rig.guild.role(rig.world.snowflake(), "artists", rig.other)
        yield await rig.start()


async def opened(rig: Rig, page: str = "Checks") -> Post:
    panel = await rig.world.answer(await rig.world.slash(rig.admin, rig.general, "candid settings"))
    if page != "Checks":
        await turned(rig, panel, page)
    return panel


async def turned(rig: Rig, panel: Post, page: str) -> None:
    await changed(rig, panel, await rig.world.click(rig.admin, panel, page))


async def changed(rig: Rig, panel: Post, ask: Ask) -> str:
    """The panel shows what came of a click."""
    await rig.world.until(lambda: ask.acked is not None)
    assert ask.acked == 7
    return panel.text


async def rules(rig: Rig) -> Rules:
    return await rig.community.rules.read(rig.server)


def item(panel: Post, words: str) -> Any:
    return next(i for i in panel.items() if words in i.get("placeholder", "") or words in i.get("label", ""))


async def test_a_pleasant_short_panel(rig: Rig) -> None:
    panel = await opened(rig)
    assert panel.only_for is rig.admin
    for page in ("People", "Answers", "Checks"):
        await turned(rig, panel, page)
        assert len(panel.components) <= 5
        assert len(panel.text) < 700
        assert [i["label"] for i in panel.items() if i.get("disabled")] == [page]


async def test_checks(rig: Rig) -> None:
    panel = await opened(rig)
    assert "checks are off" in panel.text
    text = await changed(rig, panel, await rig.world.choose(rig.admin, panel, "Channels where", rig.general))
    assert f"checks are on: I look at every picture that is posted in <#{rig.general.id}>" in text
    assert item(panel, "Channels where")["default_values"] == [{"id": str(rig.general.id), "type": "channel"}]
    refused = await changed(rig, panel, await rig.world.choose(rig.admin, panel, "What I do", "log"))
    assert "I need a log channel" in refused
    assert (await rules(rig)).mode is Mode.REPLY
    await changed(rig, panel, await rig.world.choose(rig.admin, panel, "Log channel", rig.log))
    await changed(rig, panel, await rig.world.choose(rig.admin, panel, "What I do", "log"))
    options = item(panel, "How readily")["options"]
    assert [option["label"] for option in options][1:] == [
        "Wrong about 1 in 1,000 real pictures",
        "Wrong about 1 in 300 real pictures",
        "Wrong about 1 in 100 real pictures",
        "Wrong about 1 in 30 real pictures",
    ]
    assert [option["description"] for option in options][1:] == [
        f"Then I find about {found} of 100 AI-generated ones" for found in (21, 34, 45, 62)
    ]
    await changed(rig, panel, await rig.world.choose(rig.admin, panel, "How readily", "300"))
    assert await rules(rig) == Rules(
        channels=(str(rig.general.id),), mode=Mode.LOG, log_channel=str(rig.log.id), sensitivity=300
    )
    await changed(rig, panel, await rig.world.click(rig.admin, panel, "Check all channels"))
    assert (await rules(rig)).channels == ("*",) and "in any channel" in panel.text
    await changed(rig, panel, await rig.world.click(rig.admin, panel, "Stop checking all channels"))
    await changed(rig, panel, await rig.world.choose(rig.admin, panel, "How readily", "default"))
    refused = await changed(rig, panel, await rig.world.choose(rig.admin, panel, "Log channel"))
    assert "I need a log channel" in refused
    assert await rules(rig) == Rules(mode=Mode.LOG, log_channel=str(rig.log.id))


async def test_without_a_curve_the_sensitivity_is_grey(rig: Rig) -> None:
    rig.detector.card.data.pop("curve")
    panel = await opened(rig)
    with pytest.raises(AssertionError, match="grey"):
        await rig.world.choose(rig.admin, panel, "How readily", "default")


async def test_people(rig: Rig) -> None:
    panel = await opened(rig, "People")
    artists = next(iter(rig.guild.roles))
    await changed(rig, panel, await rig.world.choose(rig.admin, panel, "People whose", rig.other, rig.member))
    await changed(rig, panel, await rig.world.choose(rig.admin, panel, "Roles whose", artists))
    await changed(rig, panel, await rig.world.choose(rig.admin, panel, "Channels that I leave", rig.log))
    text = await changed(rig, panel, await rig.world.choose(rig.admin, panel, "Roles that may ask", artists))
    assert f"<@&{artists}>" in text
    assert await rules(rig) == Rules(
        exempt_users=(f"discord:user/{rig.other.id}", f"discord:user/{rig.member.id}"),
        exempt_roles=(str(artists),),
        exempt_channels=(str(rig.log.id),),
        users=(str(artists),),
    )
    await changed(rig, panel, await rig.world.choose(rig.admin, panel, "People whose"))
    assert (await rules(rig)).exempt_users == ()


async def test_what_a_menu_cannot_show_is_not_lost_by_a_choice(rig: Rig) -> None:
    people = [f"discord:user/{1000 + number}" for number in range(30)]
    await rig.rule(exempt_users=people)
    panel = await opened(rig, "People")
    await changed(rig, panel, await rig.world.choose(rig.admin, panel, "People whose", rig.other))
    assert (await rules(rig)).exempt_users == (f"discord:user/{rig.other.id}", *people[25:])


async def test_answers(rig: Rig) -> None:
    panel = await opened(rig, "Answers")
    await changed(rig, panel, await rig.world.choose(rig.admin, panel, "Who sees", "asker"))
    drafted = {o["label"]: "machine" in o.get("description", "") for o in item(panel, "My language")["options"]}
    assert drafted["Deutsch"] and not drafted["English"]
    german = await changed(rig, panel, await rig.world.choose(rig.admin, panel, "My language", "Deutsch"))
    assert "Bilder" in german
    await changed(
        rig, panel, await rig.world.choose(rig.admin, panel, item(panel, "Sprache")["placeholder"], "English")
    )
    await changed(rig, panel, await rig.world.click(rig.admin, panel, "Appeals: on"))
    assert "Appeals are off" in panel.text
    form = await rig.world.click(rig.admin, panel, "Limits")
    await rig.world.until(lambda: form.modal is not None)
    text = await changed(rig, panel, await rig.world.submit(form, "2,5", "400"))
    assert "at most 2.5 pictures a minute" in text and "at most 400 pictures a day" in text
    assert await rules(rig) == Rules(
        audience=Audience.ASKER, language="en", appeals=False, per_user_per_minute=2.5, per_server_per_day=400
    )
    form = await rig.world.click(rig.admin, panel, "Limits")
    await rig.world.until(lambda: form.modal is not None)
    assert form.modal is not None
    assert [row["components"][0]["value"] for row in form.modal["components"]] == ["2.5", "400"]
    text = await changed(rig, panel, await rig.world.submit(form, "many", "0"))
    assert "I can't take many" in text and "I can't take 0" in text
    assert (await rules(rig)).per_server_per_day == 400
    form = await rig.world.click(rig.admin, panel, "Limits")
    await rig.world.until(lambda: form.modal is not None)
    await changed(rig, panel, await rig.world.submit(form, "", ""))
    await changed(rig, panel, await rig.world.choose(rig.admin, panel, "My language", "default"))
    assert await rules(rig) == Rules(audience=Audience.ASKER, appeals=False)


async def test_review_is_announced_without_mentions(rig: Rig) -> None:
    await rig.rule(channels=[str(rig.general.id)], log_channel=str(rig.log.id))
    panel = await opened(rig, "Answers")
    assert "Helping me learn is off: I keep no pictures" in panel.text
    text = await changed(rig, panel, await rig.world.click(rig.admin, panel, "Help me learn"))
    assert (await rules(rig)).review and f"I told the members in <#{rig.general.id}>." in text

    def told(channel: Channel) -> list[str]:
        return [post.text for post in rig.world.answers(channel) if post.only_for is None]

    for channel in (rig.general, rig.log):
        (begins,) = told(channel)
        assert "/candid optout" in begins and "90 days" in begins and "@" not in begins
    await changed(rig, panel, await rig.world.click(rig.admin, panel, "Helping me learn: on"))
    assert not (await rules(rig)).review
    for channel in (rig.general, rig.log):
        assert "no picture of this community is kept" in told(channel)[1]
    assert rig.world.answers(rig.far) == []


@pytest.mark.parametrize("wanted", ["system channel", "here", "nowhere"])
async def test_members_are_told_where_members_are(rig: Rig, wanted: str) -> None:
    """The log channel is none of these, and where nobody can be told review does not begin."""
    lobby = rig.world.channel(rig.guild, "lobby")
    await rig.world.gateway.say_raw("CHANNEL_CREATE", lobby.payload)
    if wanted == "system channel":
        await rig.world.gateway.say_raw("GUILD_UPDATE", rig.guild.payload | {"system_channel_id": str(lobby.id)})
    await rig.rule(channels=["*"], log_channel=str(rig.log.id))
    place = rig.log if wanted == "nowhere" else rig.general
    panel = await rig.world.answer(await rig.world.slash(rig.admin, place, "candid settings"))
    await turned(rig, panel, "Answers")
    text = await changed(rig, panel, await rig.world.click(rig.admin, panel, "Help me learn"))
    told = {channel: [p for p in rig.world.answers(channel) if p.only_for is None] for channel in rig.guild.channels}
    where = {"system channel": {lobby, rig.log}, "here": {rig.general, rig.log}, "nowhere": set()}[wanted]
    assert {channel for channel, posts in told.items() if posts} == where
    assert (await rules(rig)).review == (wanted != "nowhere")
    assert ("could not tell the members" in text) == (wanted == "nowhere")


async def test_what_is_used_of_the_day_is_shown(rig: Rig) -> None:
    await rig.rule(per_server_per_day=1500, review=True)
    await rig.world.reply(await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload()]))
    panel = await opened(rig, "Answers")
    assert "Used today (UTC): 1 of 1,500." in panel.text and "please choose one" in panel.text
    await rig.rule(per_server_per_day=None, log_channel=str(rig.log.id))
    panel = await opened(rig, "Answers")
    assert "Used today" not in panel.text and "please choose one" not in panel.text


async def test_a_log_channel_that_is_gone_is_named(rig: Rig) -> None:
    await rig.rule(log_channel=str(rig.log.id), mode="log")
    assert "isn't there any more" not in (await opened(rig)).text
    await rig.world.gateway.say_raw("CHANNEL_DELETE", rig.log.payload)
    assert "The log channel isn't there any more" in (await opened(rig)).text


async def test_where_the_host_keeps_no_pictures_review_is_grey(tmp_path: Path) -> None:
    async with Rig(tmp_path, message_content=True) as rig:
        rig.world.portal_message_content = True
        await rig.start()
        panel = await opened(rig, "Answers")
        with pytest.raises(AssertionError, match="grey"):
            await rig.world.click(rig.admin, panel, "Help me learn")


async def test_every_change_is_an_audit_row(rig: Rig) -> None:
    panel = await opened(rig)
    await changed(rig, panel, await rig.world.choose(rig.admin, panel, "What I do", "reply-ai"))
    await turned(rig, panel, "Answers")
    await changed(rig, panel, await rig.world.click(rig.admin, panel, "Appeals: on"))
    rows = await rig.store.audit(rig.server)
    assert [(row["key"], row["value"], row["changed_by"]) for row in rows] == [
        ("mode", "reply-ai", f"discord:user/{rig.admin.id}"),
        ("appeals", False, f"discord:user/{rig.admin.id}"),
    ]


@pytest.mark.parametrize("who", ["member", "moderator"])
async def test_only_those_who_manage_the_server_see_it(rig: Rig, who: str) -> None:
    person = getattr(rig, who)
    refused = await rig.world.answer(await rig.world.slash(person, rig.general, "candid settings"))
    assert "Manage Server" in refused.text and refused.only_for is person and not refused.components


async def test_the_right_is_looked_at_with_each_click(rig: Rig) -> None:
    panel = await opened(rig)
    answers = await opened(rig, "Answers")
    form = await rig.world.click(rig.admin, answers, "Limits")
    await rig.world.until(lambda: form.modal is not None)
    before = panel.text
    rig.guild.admins.clear()
    for ask in (
        await rig.world.choose(rig.admin, panel, "Channels where", rig.general),
        await rig.world.choose(rig.admin, panel, "What I do", "reply-ai"),
        await rig.world.click(rig.admin, panel, "Check all channels"),
        await rig.world.click(rig.admin, panel, "People"),
        await rig.world.click(rig.admin, answers, "Limits"),
        await rig.world.submit(form, "1", "1"),
    ):
        assert "Manage Server" in (await rig.world.answer(ask)).text
    assert await rules(rig) == Rules() and panel.text == before
    assert await rig.store.audit(rig.server) == []


async def test_the_ids_of_another_server_mean_nothing(rig: Rig) -> None:
    panel = await opened(rig)
    for words in ("Channels where", "Log channel"):
        text = await changed(rig, panel, await rig.world.choose(rig.admin, panel, words, rig.far))
        assert "not in this server" in text
    assert await rules(rig) == Rules()
    theirs = await rig.world.answer(await rig.world.slash(rig.foreigner, rig.far, "candid settings"))
    await rig.world.choose(rig.foreigner, theirs, "What I do", "reply-ai")
    await rig.world.until(lambda: theirs.edits)
    assert await rules(rig) == Rules()
    assert (await rig.community.rules.read(f"discord:{rig.elsewhere.id}")).mode is Mode.REPLY_AI


async def test_the_panel_works_after_a_restart(rig: Rig) -> None:
    panel = await opened(rig, "Answers")
    form = await rig.world.click(rig.admin, panel, "Limits")
    await rig.world.until(lambda: form.modal is not None)
    await rig.restart()
    await changed(rig, panel, await rig.world.submit(form, "3", ""))
    await turned(rig, panel, "Checks")
    await changed(rig, panel, await rig.world.choose(rig.admin, panel, "Channels where", rig.general))
    assert await rules(rig) == Rules(per_user_per_minute=3.0, channels=(str(rig.general.id),))


async def test_what_would_not_work_is_named(rig: Rig) -> None:
    rig.log.denied = Permission.SEND_MESSAGES
    await rig.world.gateway.say_raw("CHANNEL_UPDATE", rig.log.payload)
    panel = await opened(rig)
    text = await changed(rig, panel, await rig.world.choose(rig.admin, panel, "Log channel", rig.log))
    assert f"In <#{rig.log.id}> I lack: Send Messages" in text


async def test_settings_elsewhere(rig: Rig) -> None:
    here = rig.world.direct(rig.stranger)
    assert (
        "only in a server"
        in (await rig.world.answer(await rig.world.slash(rig.stranger, here, "candid settings"))).text
    )
    asked = await rig.world.say(rig.stranger, here, uploads=[upload()])
    assert await rig.world.reply(asked)
