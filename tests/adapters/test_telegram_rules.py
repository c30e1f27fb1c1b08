"""A Telegram group's rules: where Candid looks by itself, what it does then, whom it leaves alone, who may ask."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.telegram.reactions import SYMBOLS
from bot.verdict import Label
from bot.wording import say
from tests.adapters.telegram_bot import Candid, answered, candid_on, nothing_open, picture, with_card
from tests.conftest import FakeDetector
from tests.peers.telegram import Chat, Human, Message, Telegram

AI, UNSURE, REAL = 250, 128, 10  # as the fake detector sees these brightnesses


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram(reads_all=True) as server:
        yield server


async def ruled(candid: Candid, group: Chat, **rules: Any) -> None:
    await candid.community.rules.change(f"telegram:{group.id}", "test", **rules)


async def settled(telegram: Telegram, candid: Candid) -> None:
    """Everything that was sent has been taken and worked on."""
    await telegram.until(lambda: not telegram.updates.pending)
    await asyncio.sleep(0.3)
    await nothing_open(candid)


async def test_always_reply(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path) as candid:
        await ruled(candid, group, channels=["*"], mode="reply")
        ann.photo(picture(AI), group)
        ann.photo(picture(REAL), group)
        await answered(telegram, group, 2)


async def test_reply_only_when_it_is_likely_ai(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path) as candid:
        await ruled(candid, group, channels=["*"], mode="reply-ai")
        ann.photo(picture(REAL), group)
        ann.photo(picture(UNSURE), group)
        photo = ann.photo(picture(AI), group)
        await settled(telegram, candid)
        [answer] = telegram.answers(group)
        assert answer.reply_to is photo
        ann.says("/check", group, reply_to=ann.photo(picture(REAL, seed=1), group))  # who asks is always answered
        await answered(telegram, group, 2)


async def test_react_with_a_symbol(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path) as candid:
        await ruled(candid, group, channels=["*"], mode="react")
        photos = {
            label: ann.photo(picture(level), group) for label, level in zip(Label, (AI, REAL, UNSURE), strict=True)
        }
        album = ann.album([picture(REAL, seed=1), picture(AI, seed=1)], group)
        await telegram.until(lambda: album[0].reaction and all(photo.reaction for photo in photos.values()))
    assert {label: photo.reaction for label, photo in photos.items()} == SYMBOLS
    assert album[0].reaction == SYMBOLS[Label.AI]  # the gravest of them
    assert telegram.answers(group) == []


async def test_a_group_that_forbids_the_symbol(
    telegram: Telegram, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    group.reactions = frozenset("👍")
    async with candid_on(telegram, tmp_path) as candid:
        await ruled(candid, group, channels=["*"], mode="react")
        photo = ann.photo(picture(AI), group)
        await settled(telegram, candid)
    assert not photo.reaction and telegram.answers(group) == []
    assert "could not be shown as a reaction" in caplog.text


async def test_only_a_log(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group, log = telegram.group("Art", ann), telegram.group("Log")
    async with candid_on(telegram, tmp_path) as candid:
        await ruled(candid, group, channels=["*"], mode="log", log_channel=str(log.id))
        photo = ann.photo(picture(AI), group)
        await answered(telegram, log)
        await settled(telegram, candid)
    assert telegram.answers(group) == [] and not photo.reaction


async def test_topics_are_places(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann, forum=True)
    async with candid_on(telegram, tmp_path) as candid:
        await ruled(candid, group, channels=["23", "1"], exempt_channels=["1"])
        for topic in (17, 23, None):  # the first topic is that of messages without one
            ann.photo(picture(AI), group, topic=topic)
        await settled(telegram, candid)
        [answer] = telegram.answers(group)
        assert answer.topic == 23
        await ruled(candid, group, exempt_channels=[])
        ann.photo(picture(AI, seed=1), group)
        assert (await answered(telegram, group, 2))[1].topic is None


async def test_exempt_members_and_admins(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben, cy = telegram.human("Ann"), telegram.human("Ben"), telegram.human("Cy")
    group, other = telegram.group("Art", ben, cy, admins=(ann,)), telegram.group("Cats", ann, ben)
    async with candid_on(telegram, tmp_path) as candid:
        people = [f"telegram:user/{ben.person.id}"]
        await ruled(candid, group, channels=["*"], exempt_roles=["admins"], exempt_users=people)
        await ruled(candid, other, channels=["*"])
        ann.photo(picture(AI, seed=1), group)
        ann.photo(picture(AI, seed=1), group, anonymous=True)
        ben.photo(picture(AI, seed=2), group)
        photo = cy.photo(picture(AI, seed=3), group)
        await settled(telegram, candid)
        assert [answer.reply_to for answer in telegram.answers(group)] == [photo]
        for human in (ann, ben):  # exempt there, not here
            human.photo(picture(AI, seed=4), other)
        await answered(telegram, other, 2)
        cy.says("/check", group, reply_to=ben.photo(picture(AI, seed=5), group))  # asking is another matter
        await answered(telegram, group, 2)


async def test_an_opt_out_is_honoured_everywhere(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    group, other = telegram.group("Art", ann, ben), telegram.group("Cats", ann, ben)
    no = say("community.they-opted-out")

    def forwarded(human: Human, author: Human, **fields: Any) -> Message:
        origin = {"type": "user", "date": 1, "sender_user": author.person.json()}
        return human.photo(picture(AI, seed=9), service={"forward_origin": origin}, **fields)

    async with candid_on(telegram, tmp_path) as candid:
        await ruled(candid, group, channels=["*"])
        ann.says("/optout", other)
        [noted] = await answered(telegram, other)
        assert noted.text == say("community.opted-out")
        photo = ann.photo(picture(AI), group)  # automatic: silence
        forwarded(ben, ann, chat=group)
        await settled(telegram, candid)
        assert telegram.answers(group) == []
        ben.says("/check", group, reply_to=photo)
        ben.says("@candid_bot", other, reply_to=ann.photo(picture(AI), other))
        assert [(await answered(telegram, chat, n))[-1].text for chat, n in ((group, 1), (other, 2))] == [no, no]
        forwarded(ben, ann)
        assert (await answered(telegram, ben.chat))[0].text == no
        assert telegram.files.downloads == 0
        ann.says("/check", group, reply_to=photo)  # her own picture, and she asks
        assert (await answered(telegram, group, 2))[1].buttons
        ann.says("/optin")
        await answered(telegram, ann.chat)
        ben.says("/check", group, reply_to=photo)
        assert (await answered(telegram, group, 3))[2].buttons


async def test_who_may_ask(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben, dan = telegram.human("Ann"), telegram.human("Ben"), telegram.human("Dan")
    group, other = telegram.group("Art", ben, admins=(ann,)), telegram.group("Cats", admins=(dan,))
    no = say("telegram.admins_ask")
    async with candid_on(telegram, tmp_path) as candid:
        await ruled(candid, group, users=["admins"])
        photo = ben.photo(picture(AI), group)
        ben.says("/check", group, reply_to=photo)
        dan.says("/check", group, reply_to=photo)  # an admin, but of another group
        ben.says("/check", group)
        assert {message.text for message in await answered(telegram, group, 3)} == {no}
        ann.says("/check", group, reply_to=photo)
        ann.says("/check", group, reply_to=photo, anonymous=True)
        assert all(message.buttons for message in (await answered(telegram, group, 5))[3:])
        dan.photo(picture(AI), other, "/check")
        [answer] = await answered(telegram, other)
        assert answer.buttons


async def test_asking_is_no_way_around_automatic_checks(telegram: Telegram, tmp_path: Path) -> None:
    """Whoever may not ask has the picture checked as if nobody had asked; and is exempt where that is so."""
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    group, log = telegram.group("Art", ben, admins=(ann,)), telegram.group("Log")
    async with candid_on(telegram, tmp_path) as candid:
        await ruled(candid, group, users=["admins"], channels=["*"], mode="log", log_channel=str(log.id))
        photo = ben.photo(picture(AI), group, "/check")
        [entry] = await answered(telegram, log)
        assert entry.links[0]["url"].endswith(f"/{photo.id}")
        await settled(telegram, candid)
        assert telegram.answers(group) == []
        ben.says("/check", group, reply_to=ann.photo(picture(REAL), group))  # of another's picture he is told no
        assert (await answered(telegram, group))[0].text == say("telegram.admins_ask")
        await ruled(candid, group, exempt_users=[f"telegram:user/{ben.person.id}"])
        await answered(telegram, log, 2)  # hers is looked at by itself
        ben.photo(picture(AI, seed=2), group, "/check")
        await settled(telegram, candid)
        assert len(telegram.answers(log)) == 2


async def test_answers_for_the_asker_alone(telegram: Telegram, tmp_path: Path) -> None:
    ann, cy = telegram.human("Ann"), telegram.human("Cy", started=False)
    group, log = telegram.group("Art", ann, cy), telegram.group("Log")
    async with candid_on(telegram, tmp_path) as candid:
        await ruled(candid, group, audience="asker", log_channel=str(log.id))
        photo = cy.photo(picture(AI), group)
        ann.says("/check", group, reply_to=photo)
        [answer] = await answered(telegram, ann.chat)
        assert answer.links[0]["url"].endswith(f"/{photo.id}") and telegram.answers(group) == []
        await answered(telegram, log)
        ann.presses(answer, say("telegram.why"))
        why = (await answered(telegram, ann.chat, 2))[1]
        assert why.media and why.reply_to is answer
        press = ann.presses(answer, say("telegram.wrong"))
        await telegram.until(lambda: press.answered)
        [report] = await candid.store.rows("SELECT chat FROM reports")
        assert report["chat"] == f"telegram:chat/{group.id}"
        cy.says("/check", group, reply_to=photo)  # has never written to the bot, which therefore can't write either
        [public] = await answered(telegram, group)
        assert public.buttons and telegram.answers(cy.chat) == []


async def test_asking_does_not_hide_what_an_automatic_check_would_show(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group, log = telegram.group("Art", ann), telegram.group("Log")
    async with candid_on(telegram, tmp_path) as candid:
        await ruled(candid, group, audience="asker", channels=["*"], mode="reply-ai", log_channel=str(log.id))
        ann.photo(picture(AI), group, "/check")
        assert (await answered(telegram, group))[0].buttons and telegram.answers(ann.chat) == []
        await ruled(candid, group, mode="log")
        ann.photo(picture(AI, seed=1), group, "/check")
        await answered(telegram, ann.chat)
        await ruled(candid, group, mode="reply-ai", exempt_users=[f"telegram:user/{ann.person.id}"])
        ann.photo(picture(AI, seed=2), group, "/check")
        await answered(telegram, ann.chat, 2)
        await ruled(candid, group, exempt_users=[])
        await candid.community.members.opt_out(f"telegram:user/{ann.person.id}")
        ann.photo(picture(AI, seed=3), group, "/check")
        await answered(telegram, ann.chat, 3)
        assert len(telegram.answers(group)) == 1


async def test_an_answer_aside_stays_aside_after_a_crash(telegram: Telegram, tmp_path: Path) -> None:
    ann, detector = telegram.human("Ann"), FakeDetector()
    group = telegram.group("Art", ann)
    detector.gate.clear()
    async with candid_on(telegram, tmp_path, detector=detector, kill=True) as candid:
        await ruled(candid, group, audience="asker")
        ann.photo(picture(AI), group, "/check")
        [placeholder] = await telegram.until(lambda: telegram.answers(ann.chat))
        await telegram.until(lambda: telegram.files.downloads)
    detector.gate.set()
    async with candid_on(telegram, tmp_path):
        assert await answered(telegram, ann.chat) == [placeholder]
    assert telegram.answers(group) == []


async def test_quotas_of_a_group(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    group, other = telegram.group("Art", ann, ben), telegram.group("Cats", ann)
    async with candid_on(telegram, tmp_path) as candid:
        await ruled(candid, group, per_user_per_minute=1, per_server_per_day=2)
        for human in (ann, ann, ben, ben):
            human.photo(picture(AI), group, "/check")
            await answered(telegram, group, len([m for m in telegram.answers(group) if m.buttons or m.edits]) + 1)
        texts = [message.text for message in telegram.answers(group)]
        assert say("community.quota-user", seconds="~").partition("~")[0] in texts[1]
        assert say("community.quota-server", most=2) == texts[3]
        assert [bool(message.buttons) for message in telegram.answers(group)] == [True, False, True, False]
        ann.photo(picture(AI), other, "/check")
        ann.photo(picture(AI))
        assert (await answered(telegram, other))[0].buttons and (await answered(telegram, ann.chat))[0].buttons
    async with candid_on(telegram, tmp_path):  # a restart gives nobody a second day
        ben.photo(picture(AI), group, "/check")
        assert (await answered(telegram, group, 5))[4].text == say("community.quota-server", most=2)


async def test_the_sensitivity_moves_the_verdict(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group, other = telegram.group("Art", ann), telegram.group("Cats", ann)
    async with candid_on(telegram, tmp_path, detector=with_card()) as candid:
        await ruled(candid, group, sensitivity=1000)
        for chat in (group, other):
            ann.photo(picture(210), chat, "/check")
        [careful], [usual] = await answered(telegram, group), await answered(telegram, other)
        for answer in (careful, usual):
            press = ann.presses(answer, say("telegram.wrong"))
            await telegram.until(lambda press=press: press.answered)
            [report] = await candid.store.rows("DELETE FROM reports RETURNING says")
            assert report["says"] == ("" if answer is careful else "real")  # who objects means what was shown
    assert say("verdict.title-unsure") in careful.text and say("verdict.title-ai") in usual.text


async def test_the_language_of_a_group(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben", language="pt-br")
    group, other = telegram.group("Art", ann), telegram.group("Cats", ben)
    async with candid_on(telegram, tmp_path) as candid:
        await ruled(candid, group, language="de")
        ann.photo(picture(AI), group, "/check")  # the group's, whatever her app speaks
        ben.photo(picture(AI), other, "/check")  # his app's
        for chat, language in ((group, "de"), (other, "pt")):
            title = say("verdict.title-ai", language)
            assert title != say("verdict.title-ai")
            await telegram.until(lambda c=chat, t=title: any(t in answer.text for answer in telegram.answers(c)))
        [answer] = telegram.answers(group)
        assert answer.texts[0] == say("telegram.looking", "de") and say("telegram.why", "de") in answer.buttons
        ann.says("/check", group)
        assert (await answered(telegram, group, 2))[1].text == say("telegram.nothing_to_check", "de")
        await ruled(candid, other, language="en")
        ben.photo(picture(AI, seed=1), other, "/check")
        await telegram.until(lambda: say("verdict.title-ai") in telegram.answers(other)[-1].text)
