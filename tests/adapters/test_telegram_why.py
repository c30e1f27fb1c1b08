""" "Why?" on Telegram: the heat map and the reasons, for who asked and for nobody else."""

import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.wording import say
from tests.adapters.telegram_bot import QUICK, answered, candid_on, picture, settings_for, with_card
from tests.conftest import FakeDetector
from tests.peers.telegram import Chat, Human, Message, Telegram

WHY, SCORE = say("telegram.why"), say("why.score", p_ai="~").partition("~")[0]


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram() as server:
        yield server


async def checked(telegram: Telegram, human: Human, group: Chat) -> Message:
    human.photo(picture(250), group, "/check")
    [answer] = await answered(telegram, group)
    return answer


def shows_a_map(message: Message) -> bool:
    return message.media is not None and message.media.kind == "photo" and SCORE in message.text


async def test_in_private_a_picture_with_the_reasons(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path, detector=with_card()):
        ann.photo(picture(250))
        [answer] = await answered(telegram, ann.chat)
        ann.presses(answer, WHY)
        why = (await answered(telegram, ann.chat, 2))[1]
    assert shows_a_map(why) and why.reply_to is answer
    assert say("why.record", accused=12, found=44) in why.text  # how it does on photos, as this one came


async def test_a_file_has_the_record_of_files_and_long_reasons_come_below(telegram: Telegram, tmp_path: Path) -> None:
    ann, detector = telegram.human("Ann"), FakeDetector()
    async with candid_on(telegram, tmp_path, detector=detector) as candid:
        ann.file(picture(250))
        [answer] = await answered(telegram, ann.chat)
        recall = candid.checker.recall

        async def long(sha256: str) -> Any:
            verdict = await recall(sha256)
            return verdict and replace(verdict, notes=("first-frame",) * 40)

        candid.checker.recall = long  # type: ignore[method-assign]
        ann.presses(answer, WHY)
        photo, text = (await answered(telegram, ann.chat, 3))[1:]
    assert photo.media and not photo.text
    assert SCORE in text.text and say("note.first-frame") in text.text


async def test_in_a_group_only_who_asked_sees_it(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben", language="en")
    group = telegram.group("Art", ann, ben, forum=True)
    async with candid_on(telegram, tmp_path):
        ann.photo(picture(250), group, "/check", topic=23)
        [answer] = await answered(telegram, group)
        press = ben.presses(answer, WHY)
        [why] = await telegram.until(lambda: telegram.whispers(ben, group))
        await telegram.until(lambda: press.answered)
    assert shows_a_map(why) and why.topic == 23
    assert telegram.whispers(ann, group) == [] and telegram.answers(group) == [answer]
    assert telegram.answers(ben.chat) == []


async def test_whoever_has_opted_out_since_is_left_alone_by_others(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    group = telegram.group("Art", ann, ben)
    async with candid_on(telegram, tmp_path) as candid:
        answer = await checked(telegram, ann, group)
        await candid.community.members.opt_out(f"telegram:user/{ann.person.id}")
        ben.presses(answer, WHY)
        [refused] = await telegram.until(lambda: telegram.whispers(ben, group))
        ann.presses(answer, WHY)
        [why] = await telegram.until(lambda: telegram.whispers(ann, group))
    assert refused.media is None and say("community.they-opted-out") in refused.text
    assert shows_a_map(why)


@pytest.mark.parametrize("restart", [False, True])
async def test_whoever_first_sent_a_forwarded_picture_is_left_alone_too(
    telegram: Telegram, tmp_path: Path, restart: bool
) -> None:
    ann, ben, cy = telegram.human("Ann"), telegram.human("Ben"), telegram.human("Cy")
    group = telegram.group("Art", ann, ben, cy)
    origin = {"type": "user", "date": 1, "sender_user": ann.person.json()}
    async with candid_on(telegram, tmp_path) as candid:
        ben.photo(picture(250), group, "/check", service={"forward_origin": origin})
        [answer] = await answered(telegram, group)
        await candid.community.members.opt_out(f"telegram:user/{ann.person.id}")
        if not restart:
            cy.presses(answer, WHY)
            [refused] = await telegram.until(lambda: telegram.whispers(cy, group))
    async with candid_on(telegram, tmp_path):
        if restart:
            cy.presses(answer, WHY)
            [refused] = await telegram.until(lambda: telegram.whispers(cy, group))
    assert refused.media is None and say("community.they-opted-out") in refused.text


async def test_a_slow_drawing_comes_after_the_words(telegram: Telegram, tmp_path: Path) -> None:
    class Slow(FakeDetector):
        go = threading.Event()

        def explain(self, *args: Any) -> Any:
            assert self.go.wait(30)
            return super().explain(*args)

    ann, detector = telegram.human("Ann"), Slow()
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path, detector=detector, timings=replace(QUICK, whisper=0.05)):
        answer = await checked(telegram, ann, group)
        press = ann.presses(answer, WHY)
        [why] = await telegram.until(lambda: telegram.whispers(ann, group))
        await telegram.until(lambda: press.answered)
        assert SCORE in why.text and say("telegram.why_drawing") in why.text and why.media is None
        detector.go.set()
        await telegram.until(lambda: why.media)
    assert shows_a_map(why) and say("telegram.why_drawing") not in why.text
    assert len(telegram.whispers(ann, group)) == 1


async def test_an_older_bot_api_gets_it_into_the_private_chat(telegram: Telegram, tmp_path: Path) -> None:
    telegram.world.ephemeral = False
    ann, cy = telegram.human("Ann"), telegram.human("Cy", started=False)
    group = telegram.group("Art", ann, cy)
    async with candid_on(telegram, tmp_path):
        answer = await checked(telegram, ann, group)
        press = ann.presses(answer, WHY)
        [why] = await answered(telegram, ann.chat)
        assert press.text == say("telegram.why_private") and press.alert
        press = cy.presses(answer, WHY)  # the bot can't write to those who never wrote to it: a link lets them
        await telegram.until(lambda: press.answered)
        assert not press.text
        cy.opens(press.url)
        [why_for_cy] = await answered(telegram, cy.chat)
    assert shows_a_map(why) and shows_a_map(why_for_cy)
    assert telegram.answers(group) == [answer]


async def test_who_was_not_in_the_group_gets_no_picture_by_the_link(telegram: Telegram, tmp_path: Path) -> None:
    telegram.world.ephemeral = False
    cy, stranger = telegram.human("Cy", started=False), telegram.human("Dan")
    group = telegram.group("Art", cy)
    async with candid_on(telegram, tmp_path):
        press = cy.presses(await checked(telegram, cy, group), WHY)
        await telegram.until(lambda: press.answered)
        stranger.opens(press.url)
        [why] = await answered(telegram, stranger.chat)
        stranger.says("/start why_" + "0" * 32)
        unknown = (await answered(telegram, stranger.chat, 2))[1]
    assert why.media is None and say("telegram.why_gone") in why.text
    assert unknown.text == say("telegram.too_old")


@pytest.mark.parametrize("trouble", ["expired", "deaf"])
async def test_what_can_not_be_whispered_is_not_said_aloud(telegram: Telegram, tmp_path: Path, trouble: str) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path):
        answer = await checked(telegram, ann, group)
        if trouble == "deaf":
            telegram.world.deaf = True  # knows the methods, but shows the message to everybody
        press = ann.presses(answer, WHY)
        if trouble == "expired":
            press.pressed -= 60
            await telegram.until(lambda: telegram.called("answerCallbackQuery"))
        else:
            await telegram.until(lambda: press.answered)
            assert press.url
            ann.presses(answer, WHY)  # from now on in private, without trying again
            assert shows_a_map((await answered(telegram, ann.chat))[0])
    assert telegram.answers(group) == [answer] and telegram.whispers(ann, group) == []
    assert len(telegram.called("sendPhoto")) == (1 if trouble == "expired" else 2)


async def test_a_picture_that_is_gone_leaves_the_words(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path):
        answer = await checked(telegram, ann, group)
        telegram.files.lose()
        ann.presses(answer, WHY)
        [why] = await telegram.until(lambda: telegram.whispers(ann, group))
    assert why.media is None and SCORE in why.text and say("telegram.why_gone") in why.text


async def test_limits_count_for_explanations_too(telegram: Telegram, tmp_path: Path) -> None:
    ann, settings = telegram.human("Ann"), settings_for(telegram)
    settings = replace(settings, checks=replace(settings.checks, per_user_burst=1))
    async with candid_on(telegram, tmp_path, settings=settings):
        ann.photo(picture(250))
        [answer] = await answered(telegram, ann.chat)
        fetched = telegram.files.downloads
        ann.presses(answer, WHY)
        why = (await answered(telegram, ann.chat, 2))[1]
        assert telegram.files.downloads == fetched
    assert why.media is None and SCORE in why.text and "try again" in why.text


async def test_an_explanation_counts_for_the_quotas_of_the_group(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    group = telegram.group("Art", ann, ben)
    async with candid_on(telegram, tmp_path) as candid:
        await candid.community.rules.change(f"telegram:{group.id}", "test", per_server_per_day=2)
        answer = await checked(telegram, ann, group)
        ann.presses(answer, WHY)
        [why] = await telegram.until(lambda: telegram.whispers(ann, group))
        ben.presses(answer, WHY)
        [refused] = await telegram.until(lambda: telegram.whispers(ben, group))
    assert shows_a_map(why)
    assert refused.media is None and SCORE in refused.text
    assert say("community.quota-server", most=2) in refused.text


async def test_buttons_explain_after_a_restart(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path):
        answer = await checked(telegram, ann, group)  # it replies to the picture, so Telegram shows it with a press
        ann.says("/check", group, reply_to=ann.photo(picture(240), group))
        second = (await answered(telegram, group, 2))[1]  # it replies to the command
    async with candid_on(telegram, tmp_path):
        for message in (answer, second):
            ann.presses(message, WHY)
        first, other = await telegram.until(lambda: len(w := telegram.whispers(ann, group)) == 2 and w)
    assert {first.media is None, other.media is None} == {True, False}
    assert all(SCORE in why.text for why in (first, other))


async def test_each_picture_of_an_album_has_its_own_reasons(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path):
        ann.album([picture(250), picture(10)])
        [answer] = await answered(telegram, ann.chat)
        ann.presses(answer, f"{WHY} 1")
        await answered(telegram, ann.chat, 2)
        ann.presses(answer, f"{WHY} 2")
        first, second = (await answered(telegram, ann.chat, 3))[1:]
    assert shows_a_map(first) and shows_a_map(second)
    assert say("why.score", p_ai=4) in second.text and say("why.score", p_ai=4) not in first.text


async def test_the_words_fit_the_sensitivity_of_the_group(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path, detector=with_card()) as candid:
        await candid.community.rules.change(f"telegram:{group.id}", "test", sensitivity=1000, language="en")
        answer = await checked(telegram, ann, group)
        ann.presses(answer, WHY)
        [why] = await telegram.until(lambda: telegram.whispers(ann, group))
    assert say("why.bands", real=30, ai=97) in why.text
    assert say("why.record", accused=1, found=21) in why.text
