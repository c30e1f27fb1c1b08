"""What an answer shows, and its buttons: reasons and reports, for whoever presses, before and after a restart."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.errors import TryLater
from tests.adapters.discord_rig import Rig, upload
from tests.peers.discord import Post, Upload


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path) as rig:
        yield await rig.start()


async def answer_of(rig: Rig, *uploads: Upload) -> Post:
    asked = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=uploads or [upload(255)])
    return await rig.world.reply(asked)


async def test_the_embed_has_all_that_belongs_there(rig: Rig) -> None:
    answer = await answer_of(rig)
    embed = answer.embeds[0]
    symbol, words = embed["title"].split(" ", 1)
    assert not symbol.isascii()  # not by colour alone
    assert "AI-generated" in words
    assert embed["color"]
    assert "%" in embed["description"]
    assert "proof" in embed["description"]
    assert embed["fields"][0]["name"] == "How it arrived"
    assert rig.detector.version in embed["footer"]["text"]
    assert [item["label"] for item in answer.items()] == ["Why?", "Wrong?"]


async def test_colours_differ(rig: Rig) -> None:
    colours = {(await answer_of(rig, upload(shade))).embeds[0]["color"] for shade in (255, 128, 0)}
    assert len(colours) == 3


async def test_why_is_shown_to_one_person_only(rig: Rig) -> None:
    answer = await answer_of(rig)
    reasons = await rig.world.answer(await rig.world.click(rig.admin, answer, "Why?"))
    assert reasons.only_for is rig.admin
    assert "My score" in reasons.text
    assert answer.edits == 0


async def test_wrong_is_noted_once_per_person_and_picture(rig: Rig) -> None:
    answer = await answer_of(rig)

    async def report(person: str, *text: str) -> str:
        form = await rig.world.click(getattr(rig, person), answer, "Wrong?")
        await rig.world.until(lambda: form.modal is not None)
        reply = await rig.world.answer(await rig.world.submit(form, *text))
        assert reply.only_for is getattr(rig, person)
        return reply.text

    assert "Thank you" in await report("member", "I painted it")
    assert "before" in await report("member", "really")
    assert "Thank you" in await report("admin")


async def test_several_pictures_have_menus(rig: Rig) -> None:
    answer = await answer_of(rig, upload(255, "a.png"), upload(0, "b.png"))
    reasons = await rig.world.answer(await rig.world.choose(rig.member, answer, "Why?", "2 · b.png"))
    assert "My score" in reasons.text
    form = await rig.world.choose(rig.member, answer, "Wrong?", "1 · a.png")
    await rig.world.until(lambda: form.modal is not None)
    assert "Thank you" in (await rig.world.answer(await rig.world.submit(form, "no"))).text


async def test_buttons_menus_and_open_forms_survive_a_restart(rig: Rig) -> None:
    one = await answer_of(rig)
    two = await answer_of(rig, upload(255, "a.png"), upload(0, "b.png"))
    form = await rig.world.click(rig.member, one, "Wrong?")
    await rig.world.until(lambda: form.modal is not None)
    await rig.restart()
    assert "My score" in (await rig.world.answer(await rig.world.click(rig.member, one, "Why?"))).text
    assert "My score" in (await rig.world.answer(await rig.world.choose(rig.member, two, "Why?", "2 ·"))).text
    assert "Thank you" in (await rig.world.answer(await rig.world.submit(form, "mine"))).text


async def test_a_picture_that_is_forgotten(rig: Rig) -> None:
    answer = await answer_of(rig)
    for item in answer.items():
        item["custom_id"] = item["custom_id"][:-32] + "0" * 32
    assert "no longer remember" in (await rig.world.answer(await rig.world.click(rig.member, answer, "Why?"))).text


async def test_nobody_is_mentioned_and_names_are_harmless(rig: Rig) -> None:
    answer = await answer_of(rig, upload(255, "@everyone **bold**.png"), upload(0))
    assert "@everyone" not in answer.text
    assert "**bold**" not in answer.text
    assert all("mentions" not in embed for embed in answer.embeds)


async def test_a_limit_says_when_to_try_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*args: object) -> None:
        raise TryLater(17)

    monkeypatch.setattr(rig.checker, "check", refuse)
    asked = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(255)])
    assert "17 seconds" in (await rig.world.reply(asked)).text


async def test_a_bug_is_told_by_its_number_only(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*args: object) -> None:
        raise KeyError("secret detail")

    monkeypatch.setattr(rig.checker, "check", fail)
    asked = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(255)])
    text = (await rig.world.reply(asked)).text
    assert "secret detail" not in text
    number = next(r.args[0] for r in caplog.records if "error %s while answering" in r.msg and r.args)  # type: ignore[index]
    assert str(number) in text
    monkeypatch.setattr(rig.checker, "recall", fail)
    monkeypatch.undo()


async def test_a_bug_behind_a_button_is_told_too(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = await answer_of(rig)

    async def fail(*args: object) -> None:
        raise KeyError("secret detail")

    monkeypatch.setattr(rig.checker, "recall", fail)
    told = await rig.world.answer(await rig.world.click(rig.member, answer, "Why?"))
    assert told.text
    assert "secret" not in told.text
