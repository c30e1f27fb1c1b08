"""Candid in Telegram groups: privacy mode, albums, automatic mode, topics, admins."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.wording import say
from tests.adapters.telegram_bot import LOOKING, answered, candid_on, nothing_open, picture
from tests.peers.telegram import Telegram


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram() as server:
        yield server


@pytest.mark.parametrize("words", ["/check", "/check@candid_bot", "@candid_bot", "hey @candid_bot, is this real?"])
async def test_a_reply_checks_the_picture_under_privacy_mode(telegram: Telegram, tmp_path: Path, words: str) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path):
        photo = ann.photo(picture(250), group)
        asked = ann.says(words, group, reply_to=photo)
        [answer] = await answered(telegram, group)
    assert answer.reply_to is asked and answer.edits == 1 and answer.texts[0] == LOOKING
    assert answer.buttons


@pytest.mark.parametrize("caption", ["/check", "/check@Candid_Bot please"])
async def test_a_caption_checks_the_picture(telegram: Telegram, tmp_path: Path, caption: str) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path):
        photo = ann.photo(picture(250), group, caption)
        [answer] = await answered(telegram, group)
    assert answer.reply_to is photo and answer.buttons


async def test_other_talk_is_left_alone(telegram: Telegram, tmp_path: Path) -> None:
    telegram.world.reads_all = True
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path):
        photo = ann.photo(picture(250), group)
        ann.photo(picture(250), group, "look at /check")
        ann.says("/check@other_bot", group, reply_to=photo)
        ann.says("/roll", group)
        ann.says("nice", group, reply_to=photo)
        ann.moving("animation", chat=group)
        ann.says("/help", group)
        [help_text] = await answered(telegram, group)
    assert help_text.text == say("telegram.help_group", "en")


async def test_a_reply_to_one_picture_of_an_album_checks_all_that_were_seen(telegram: Telegram, tmp_path: Path) -> None:
    telegram.world.reads_all = True
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path):
        parts = ann.album([picture(250, seed=n) for n in range(3)], group)
        ann.says("/check", group, reply_to=parts[1])
        [answer] = await answered(telegram, group)
    assert "3. " in answer.text and "4. " not in answer.text


async def test_under_privacy_mode_only_the_replied_picture_of_an_album_is_seen(
    telegram: Telegram, tmp_path: Path
) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path):
        parts = ann.album([picture(250, seed=n) for n in range(3)], group)
        ann.says("/check", group, reply_to=parts[1])
        [answer] = await answered(telegram, group)
    assert len(answer.buttons) == 2


async def test_a_caption_on_an_album_checks_all_of_it_once(telegram: Telegram, tmp_path: Path) -> None:
    telegram.world.reads_all = True
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path):
        ann.album([picture(250, seed=n) for n in range(3)], group, "/check")
        [answer] = await answered(telegram, group)
        await asyncio.sleep(0.3)
    assert telegram.answers(group) == [answer]
    assert "3. " in answer.text


async def test_automatic_mode_answers_every_picture_with_one_message(telegram: Telegram, tmp_path: Path) -> None:
    telegram.world.reads_all = True
    ann = telegram.human("Ann")
    group, other = telegram.group("Art", ann), telegram.group("Cats", ann)
    async with candid_on(telegram, tmp_path) as candid:
        await candid.community.rules.change(f"telegram:{group.id}", "test", channels=["*"])
        ann.photo(picture(250), other)
        photo = ann.photo(picture(250), group)
        ann.album([picture(250, seed=n) for n in range(3)], group)
        ann.file(b"no picture at all, whatever its name says", group)
        ann.sticker(picture(250), group)
        answers = await answered(telegram, group, 2)
        await asyncio.sleep(0.3)
        await nothing_open(candid)
    assert telegram.answers(group) == answers and telegram.answers(other) == []
    assert [answer.edits for answer in answers] == [0, 0]
    assert {answer.reply_to for answer in answers} > {photo}


async def test_the_answer_stays_in_the_topic(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann, forum=True)
    async with candid_on(telegram, tmp_path):
        ann.photo(picture(250), group, "/check", topic=23)
        [answer] = await answered(telegram, group)
        ann.says("/help", group, topic=17)
        answer_in_17 = (await answered(telegram, group, 2))[1]
    assert (answer.topic, answer_in_17.topic) == (23, 17)


async def test_a_reply_thread_is_no_topic(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path):
        first = ann.says("look", group)
        ann.photo(picture(250), group, "/check", reply_to=first)  # carries a message_thread_id without being a topic
        [answer] = await answered(telegram, group)
    assert answer.topic is None and answer.buttons


async def test_rights_are_asked_once_in_a_while(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", admins=(ann,), bot="administrator")
    async with candid_on(telegram, tmp_path):
        for _ in range(3):
            ann.says("/settings", group)
        panels = await answered(telegram, group, 3)
    asked = [call.params["user_id"] for call in telegram.called("getChatMember")]
    assert asked.count(str(ann.person.id)) <= 3 and len(asked) <= 6  # at once at most
    assert all(say("telegram.privacy_mode", "en") not in panel.text for panel in panels)  # an admin bot sees everything


async def test_admins_are_known_where_members_are_hidden(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    group = telegram.group("Art", ben, admins=(ann,))
    group.hidden_members = True
    async with candid_on(telegram, tmp_path):
        ben.says("/settings", group)
        [no] = await answered(telegram, group)
        ann.says("/settings", group)
        panel = (await answered(telegram, group, 2))[1]
    assert no.text == say("telegram.admins_only", "en") and panel.buttons


async def test_an_anonymous_admin_is_an_admin(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", admins=(ann,))
    async with candid_on(telegram, tmp_path):
        ann.says("/settings", group, anonymous=True)
        [panel] = await answered(telegram, group)
        ann.presses(panel, say("telegram.panel.button_where", now=say("telegram.panel.nowhere")))
        await telegram.until(lambda: say("telegram.panel.where") in panel.text)
        ann.presses(panel, say("telegram.panel.everywhere"))  # a press names the person, also an anonymous admin
        await telegram.until(lambda: "✓ " + say("telegram.panel.everywhere") in panel.buttons)


async def test_the_bot_says_hello_once_when_it_is_added(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", admins=(ann,), bot="left")
    async with candid_on(telegram, tmp_path):
        ann.invites_bot(group)
        [hello] = await answered(telegram, group)
        ann.invites_bot(group, "administrator")
        ann.says("/help", group)
        await answered(telegram, group, 2)
    assert hello.text == say("telegram.hello", "en")
    assert len(telegram.answers(group)) == 2


async def test_settings_move_with_an_upgraded_group(telegram: Telegram, tmp_path: Path) -> None:
    telegram.world.reads_all = True
    ann = telegram.human("Ann")
    group = telegram.group("Art", admins=(ann,))
    async with candid_on(telegram, tmp_path) as candid:
        await candid.community.rules.change(f"telegram:{group.id}", "test", channels=["*"])
        new = telegram.upgrade(group, ann)
        await asyncio.sleep(0.1)
        ann.photo(picture(250), new)
        [answer] = await answered(telegram, new)
    assert answer.buttons


async def test_wrong_and_strange_presses(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    group = telegram.group("Art", ann, ben)
    async with candid_on(telegram, tmp_path):
        ann.photo(picture(250), group, "/check")
        [answer] = await answered(telegram, group)
        pressed = []
        for human in (ann, ann, ben):
            pressed.append(human.presses(answer, say("telegram.wrong", "en")))
            await telegram.until(lambda: pressed[-1].answered)
        strange = [ann.sends_callback(answer, data) for data in ("", "why:0000", "set:where:all", "wrong:x" + "é" * 20)]
        await telegram.until(lambda: all(press.answered for press in strange))
    noted, before = say("telegram.noted", "en"), say("telegram.noted_before", "en")
    assert [press.text for press in pressed] == [noted, before, noted]
    assert strange[2].text == say("telegram.admins_only", "en")
    assert telegram.answers(group) == [answer] and answer.edits == 1


async def test_a_button_that_was_pressed_too_long_ago_harms_nobody(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path) as candid:
        ann.photo(picture(250))
        [answer] = await answered(telegram, ann.chat)
        telegram.methods.press_seconds = 0.0
        ann.presses(answer, say("telegram.wrong", "en"))
        ann.says("/help")
        await answered(telegram, ann.chat, 2)
        await telegram.until(lambda: telegram.called("answerCallbackQuery"))
        assert candid.adapter.status == "running"
    assert telegram.called("answerCallbackQuery")[0].status == 400
