"""What people can do about what Candid keeps of them, on Telegram."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.community.cases import MUTE_DAYS
from bot.wording import say
from tests.adapters.telegram_bot import Candid, answered, candid_on, picture
from tests.peers.telegram import Human, Message, Telegram

YES, NO = say("telegram.forget_yes"), say("telegram.forget_no")


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram() as server:
        yield server


async def reported(telegram: Telegram, *people: Human) -> None:
    """Each person has a picture checked in private, and reports it."""
    for human in people:
        human.photo(picture(250))
        [answer] = await answered(telegram, human.chat)
        press = human.presses(answer, say("telegram.wrong"))
        await telegram.until(lambda press=press: press.answered)


async def rows_of(telegram: Telegram, human: Human) -> dict[str, Any]:
    """What /mydata sends."""
    before = len(telegram.answers(human.chat))
    human.says("/mydata")
    message: Message = (await answered(telegram, human.chat, before + 1))[-1]
    assert message.media and message.media.kind == "document" and message.text == say("telegram.mydata")
    rows: dict[str, Any] = json.loads(telegram.files.get(message.media.json["file_id"]).data)
    return rows


async def test_privacy_says_what_is_kept(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path) as candid:
        for chat in (ann.chat, group):
            ann.says("/privacy", chat)
            [said] = await answered(telegram, chat)
            assert candid.community.privacy.words() in said.text and "30 days" in said.text and "/forget" in said.text


async def test_everybody_sees_their_own_rows_and_no_others(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    async with candid_on(telegram, tmp_path):
        await reported(telegram, ann, ben)
        rows = await rows_of(telegram, ann)
        stranger = await rows_of(telegram, telegram.human("Dan"))
    assert rows["person"] == f"telegram:user/{ann.person.id}"
    assert len(rows["reports"]) == 1 and str(ben.person.id) not in json.dumps(rows)
    assert not any(stranger[name] for name in ("reports", "cases", "votes", "settings"))


async def test_to_forget_is_confirmed_first(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    async with candid_on(telegram, tmp_path) as candid:
        await reported(telegram, ann, ben)
        ann.says("/forget")
        question = (await answered(telegram, ann.chat, 2))[-1]
        assert question.text == say("telegram.forget_ask") and question.buttons == [YES, NO]
        forged = ben.sends_callback(question, "forget:yes")  # the question is Ann's
        await telegram.until(lambda: forged.answered)
        ann.presses(question, NO)
        await telegram.until(lambda: question.text == say("telegram.forget_kept"))
        assert await count(candid, ann) == await count(candid, ben) == 1
        ann.says("/forget")
        question = (await answered(telegram, ann.chat, 3))[-1]
        ann.presses(question, YES)
        erased = candid.community.privacy.erased(2, 0)
        assert say("community.privacy-erased", count=2, mute=round(MUTE_DAYS)) in erased
        await telegram.until(lambda: question.text == erased)
        assert not question.buttons
        assert (await count(candid, ann), await count(candid, ben)) == (0, 1)
        ann.says("/forget")
        question = (await answered(telegram, ann.chat, 4))[-1]
    async with candid_on(telegram, tmp_path):  # the button survives a restart
        ann.presses(question, YES)
        await telegram.until(lambda: say("community.privacy-nothing") in question.text)


async def count(candid: Candid, human: Human) -> int:
    person = f"telegram:user/{human.person.id}"
    return len(await candid.store.rows("SELECT 1 FROM reports WHERE person = ?", (person,)))


@pytest.mark.parametrize("command", ["mydata", "forget"])
async def test_in_a_group_they_lead_to_the_private_chat(telegram: Telegram, tmp_path: Path, command: str) -> None:
    ann, cy = telegram.human("Ann"), telegram.human("Cy", started=False)
    group = telegram.group("Art", ann, cy)
    async with candid_on(telegram, tmp_path):
        cy.says(f"/{command}", group)
        [said] = await answered(telegram, group)
        assert said.text == say("telegram.in_private") and said.media is None
        cy.opens((said.keyboard or [[]])[0][0]["url"])
        [shown] = await answered(telegram, cy.chat)
        forged = ann.sends_callback(said, "forget:yes")
        await telegram.until(lambda: forged.answered)
    assert shown.text == say(f"telegram.{command}" if command == "mydata" else "telegram.forget_ask")
    assert telegram.answers(group) == [said] and said.edits == 0


async def test_opting_out_and_in_needs_a_person(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", admins=(ann,))
    async with candid_on(telegram, tmp_path) as candid:
        members, person = candid.community.members, f"telegram:user/{ann.person.id}"
        ann.says("/optout", group, anonymous=True)  # all anonymous admins look the same
        [said] = await answered(telegram, group)
        assert said.text == say("telegram.who_are_you")
        assert not await members.opted_out(f"telegram:user/{group.id}")
        ann.says("/optout", group)
        assert (await answered(telegram, group, 2))[1].text == say("community.opted-out")
        assert await members.opted_out(person)
        assert (await rows_of(telegram, ann))["opted_out"]
        ann.says("/optin")
        assert (await answered(telegram, ann.chat, 2))[1].text == say("community.opted-in")
        assert not await members.opted_out(person)
