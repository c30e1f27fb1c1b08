"""Why: the heat map and the reasons, for one person, wherever the picture came from; without the picture, the words."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from bot.errors import TryLater
from tests.adapters.discord_rig import Rig, picture, upload
from tests.peers.discord import Person, Post, Upload


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path) as rig:
        rig.publish()
        yield await rig.start()


async def why(rig: Rig, answer: Post, person: Person | None = None) -> Post:
    return await rig.world.answer(await rig.world.click(person or rig.other, answer, "Why?"))


def shown(post: Post) -> Image.Image:
    """The picture that a person sees in the message."""
    (file,) = post.uploads
    assert post.embeds[0]["image"]["url"] == f"attachment://{file.name}"
    image = Image.open(io.BytesIO(file.data))
    image.load()
    return image


async def asked(rig: Rig, *uploads: Upload) -> Post:
    question = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=uploads or [upload()])
    return await rig.world.reply(question)


async def test_the_heat_map_and_the_reasons_are_for_one_person(rig: Rig) -> None:
    answer = await asked(rig)
    reasons = await why(rig, answer)
    assert reasons.only_for is rig.other
    image = shown(reasons)
    assert image.format == "PNG" and image.width >= 96
    assert "My score for this picture is 99" in reasons.text
    assert "Up to 30 I say likely real, from 70" in reasons.text
    assert "of 1,000 real pictures it wrongly calls about 12" in reasons.text
    assert "of 100 AI-generated ones it finds about 43" in reasons.text
    assert "orange parts made me think of AI" in reasons.text
    assert "signal, never proof" in reasons.text
    assert answer.edits == 0
    assert [post for post in rig.world.seen(rig.general, rig.member) if post.uploads and post.author.bot] == []


async def test_every_door_leads_back_to_the_picture(rig: Rig) -> None:
    posted = await rig.world.say(rig.admin, rig.general, "look", uploads=[upload()])
    by_menu = await rig.world.answer(await rig.world.menu(rig.member, posted))
    reply = await rig.world.say(rig.member, rig.general, f"{rig.world.bot.mention} check", reply_to=posted)
    by_reply = await rig.world.reply(reply)
    by_command = await rig.world.answer(await rig.world.slash(rig.member, rig.general, "check", image=upload(254)))
    private = await rig.world.say(rig.member, rig.world.direct(rig.member), uploads=[upload()])
    by_message = await rig.world.reply(private)
    for answer in (by_menu, by_reply, by_command):
        shown(await why(rig, answer))
    shown(await why(rig, by_message, rig.member))
    assert len(rig.detector.explained) == 4


async def test_automatic_answers_too(tmp_path: Path) -> None:
    async with Rig(tmp_path, message_content=True) as rig:
        rig.world.portal_message_content = True
        await rig.start()
        await rig.allow(rig.general)
        posted = await rig.world.say(rig.member, rig.general, uploads=[upload()])
        shown(await why(rig, await rig.world.reply(posted)))


async def test_of_several_pictures_the_one_that_was_chosen(rig: Rig) -> None:
    small, large = Upload("a.png", picture(255, 96)), Upload("b.png", picture(0, 300))
    answer = await asked(rig, small, large)
    reasons = await rig.world.answer(await rig.world.choose(rig.other, answer, "Why?", "2 · b.png"))
    assert "My score for this picture is 1 " in reasons.text
    assert shown(reasons).width >= 300


async def test_a_user_installed_candid_finds_it_in_the_message_that_was_chosen(rig: Rig) -> None:
    away = rig.world.guild("away", bot=None)
    away.join(rig.stranger)
    there = rig.world.channel(away)
    posted = await rig.world.say(rig.stranger, there, uploads=[upload()])
    answer = await rig.world.answer(await rig.world.menu(rig.stranger, posted))
    shown(await why(rig, answer, rig.stranger))


async def test_a_picture_that_is_gone_leaves_the_words(rig: Rig) -> None:
    question = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload()])
    answer = await rig.world.reply(question)
    question.deleted = True
    reasons = await why(rig, answer)
    assert "My score for this picture is 99" in reasons.text
    assert "no longer there, and I keep no copies" in reasons.text
    assert not reasons.uploads
    assert "of 1,000 real pictures" not in reasons.text  # how it came is not known any more


async def test_the_address_is_fetched_anew_and_the_answer_outlives_a_restart(rig: Rig) -> None:
    answer = await asked(rig)
    by_command = await rig.world.answer(await rig.world.slash(rig.member, rig.general, "check", image=upload(254)))
    rig.world.pass_time(3 * 24 * 3600)  # the addresses of then are no good
    await rig.restart()
    shown(await why(rig, answer))
    assert "no longer there" in (await why(rig, by_command)).text  # no message has this picture


async def test_a_message_that_has_another_picture_now_is_not_mistaken(rig: Rig) -> None:
    question = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload()])
    answer = await rig.world.reply(question)
    question.uploads[0].data = picture(0)
    reasons = await why(rig, answer)
    assert not reasons.uploads and "My score for this picture is 99" in reasons.text


async def test_whoever_has_opted_out_is_left_alone_by_others(rig: Rig) -> None:
    answer = await asked(rig)
    await rig.community.members.opt_out(f"discord:user/{rig.member.id}")
    reasons = await why(rig, answer, rig.other)
    assert "doesn't want it to be checked" in reasons.text and not reasons.uploads
    assert rig.detector.explained == []
    shown(await why(rig, answer, rig.member))


async def test_a_limit_is_told_and_the_words_are_there(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = await asked(rig)

    async def busy(*args: object, **given: object) -> bytes:
        raise TryLater(20, "Please try again in 20 seconds.")

    monkeypatch.setattr(rig.checker, "explain", busy)
    reasons = await why(rig, answer)
    assert "20 seconds" in reasons.text and "My score" in reasons.text and not reasons.uploads
    monkeypatch.undo()
    await rig.rule(per_server_per_day=1)  # it costs what a check costs
    shown(await why(rig, answer))
    assert "1 checks that its admins allow" in (await why(rig, answer)).text


async def test_beyond_the_limit_nothing_is_fetched(tmp_path: Path) -> None:
    async with Rig(tmp_path, per_user_burst=1, per_user_per_minute=0.01) as rig:
        await rig.start()
        answer = await asked(rig)
        fetched = len(rig.world.cdn.served)
        reasons = await why(rig, answer, rig.member)
        assert "try again" in reasons.text and "My score" in reasons.text and not reasons.uploads
        assert len(rig.world.cdn.served) == fetched


async def test_the_bands_and_the_record_are_those_of_the_servers_sensitivity(rig: Rig) -> None:
    await rig.rule(sensitivity=30)
    answer = await asked(rig, upload(160))
    assert "Likely AI-generated" in answer.text  # "can't tell" by the published bands
    reasons = await why(rig, answer)
    assert "from 50 likely AI-generated" in reasons.text
    assert "of 1,000 real pictures it wrongly calls about 33" in reasons.text


async def test_the_language_reaches_the_drawing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []
    real = rig.checker.explain

    async def explain(*args: object, **given: object) -> bytes:
        drawn.append(args[2])
        return await real(*args, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(rig.checker, "explain", explain)
    answer = await asked(rig)
    rig.guild.locale = "de"
    rig.other.locale = "fr"
    await why(rig, answer, rig.other)
    await rig.rule(language="en")
    await why(rig, answer, rig.other)
    private = await rig.world.reply(await rig.world.say(rig.other, rig.world.direct(rig.other), uploads=[upload()]))
    await why(rig, private, rig.other)
    assert drawn == ["de", "en", "fr"]


async def test_what_a_file_says_is_harmless(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.verdict import Finding, Strength, Verdict

    answer = await asked(rig)
    real = rig.checker.recall

    async def recall(sha: str) -> Verdict | None:
        verdict = await real(sha)
        assert verdict is not None
        says = "Prompt: [free](https://example.org) @everyone **bold**"
        return replace(verdict, evidence=(Finding("parameters", says, Strength.SELF_DECLARED),))

    monkeypatch.setattr(rig.checker, "recall", recall)
    text = (await why(rig, answer)).text
    assert "@everyone" not in text and "**bold**" not in text and "\\[free](" in text
