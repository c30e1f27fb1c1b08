"""What ends between a question and its answer on Telegram: messages, topics, memberships, groups; and odd senders."""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.wording import say
from tests.adapters.telegram_bot import LOOKING, QUICK, answered, candid_on, nothing_open, picture, settings_for
from tests.conftest import FakeDetector
from tests.peers.telegram import Chat, Human, Telegram, Trouble

AI = 250
PATIENT = replace(QUICK, album=1.0)  # with the parts of an album, on a busy machine too


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram() as server:
        yield server


def closed() -> FakeDetector:
    """A detector that looks at a picture until its gate is opened."""
    detector = FakeDetector()
    detector.gate.clear()
    return detector


def leave(group: Chat, telegram: Telegram) -> None:
    group.status[telegram.world.bot.id] = "kicked"


def mute(group: Chat, telegram: Telegram) -> None:
    group.muted = True


@pytest.mark.parametrize("end", [leave, mute], ids=["kicked", "muted"])
async def test_a_group_where_the_bot_may_not_write_any_more_is_answered_in_private(
    telegram: Telegram, tmp_path: Path, end: object
) -> None:
    ann = telegram.human("Ann")
    group, detector = telegram.group("Art", ann), closed()
    async with candid_on(telegram, tmp_path, detector=detector) as candid:
        asked = ann.photo(picture(AI), group, "/check")
        await telegram.until(lambda: detector.at_gate)
        end(group, telegram)  # type: ignore[operator]
        detector.gate.set()
        [answer] = await answered(telegram, ann.chat)
        assert answer.links[0]["url"].endswith(f"/{asked.id}") and answer.edits == 1
        ann.presses(answer, say("telegram.why"))
        assert (await answered(telegram, ann.chat, 2))[1].media
        await nothing_open(candid)
    assert [message.text for message in telegram.answers(group)] == [LOOKING]


async def test_a_topic_that_was_closed_is_answered_in_private(telegram: Telegram, tmp_path: Path) -> None:
    ann, cy = telegram.human("Ann"), telegram.human("Cy", started=False)
    group = telegram.group("Art", ann, cy, forum=True)
    group.closed.add(17)
    async with candid_on(telegram, tmp_path) as candid:
        ann.photo(picture(AI), group, "/check", topic=17)
        [answer] = await answered(telegram, ann.chat)
        assert answer.buttons and answer.links
        cy.photo(picture(AI), group, "/check", topic=17)  # can't be written to: the log says so
        await telegram.until(lambda: len([c for c in telegram.calls if c.status == 403]) >= 1)
        await nothing_open(candid)
    assert telegram.answers(group) == [] and telegram.answers(cy.chat) == []


async def test_a_topic_that_was_deleted_is_answered_in_private(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann, forum=True)
    async with candid_on(telegram, tmp_path):
        group.topics.remove(17)
        ann.photo(picture(AI), group, "/check", topic=17)
        assert (await answered(telegram, ann.chat))[0].buttons


async def test_a_placeholder_that_an_admin_deleted_comes_nowhere_else(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group, detector = telegram.group("Art", ann), closed()
    async with candid_on(telegram, tmp_path, detector=detector) as candid:
        ann.photo(picture(AI), group, "/check")
        await telegram.until(lambda: detector.at_gate)
        ann.deletes(telegram.answers(group)[0])
        detector.gate.set()
        await nothing_open(candid)
    assert telegram.answers() == []


@pytest.mark.parametrize("automatic", [False, True], ids=["asked", "automatic"])
async def test_a_group_becomes_a_supergroup_between_question_and_answer(
    telegram: Telegram, tmp_path: Path, automatic: bool
) -> None:
    telegram.world.reads_all = True
    ann = telegram.human("Ann")
    group, detector = telegram.group("Art", admins=(ann,)), closed()
    async with candid_on(telegram, tmp_path, detector=detector) as candid:
        if automatic:
            await candid.community.rules.change(f"telegram:{group.id}", "test", channels=["*"])
        ann.photo(picture(AI), group, "" if automatic else "/check")
        await telegram.until(lambda: detector.at_gate)
        new = telegram.upgrade(group, ann)
        detector.gate.set()
        [answer] = await answered(telegram, new)
        await nothing_open(candid)
    assert answer.buttons and len(telegram.answers(new)) == 1


async def test_an_automatic_check_of_a_picture_that_was_deleted_is_not_shown(
    telegram: Telegram, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    telegram.world.reads_all = True
    ann = telegram.human("Ann")
    group, detector = telegram.group("Art", ann), closed()
    async with candid_on(telegram, tmp_path, detector=detector) as candid:
        await candid.community.rules.change(f"telegram:{group.id}", "test", channels=["*"])
        sent = ann.photo(picture(AI), group)
        await telegram.until(lambda: detector.at_gate)
        ann.deletes(sent)
        detector.gate.set()
        await nothing_open(candid)
    assert telegram.answers(group) == []
    assert any("given up" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("mode", ["log", "reply-ai", "reply"])
async def test_a_check_in_a_later_caption_of_an_album_is_answered_where_albums_are_checked_anyway(
    telegram: Telegram, tmp_path: Path, mode: str
) -> None:
    telegram.world.reads_all = True
    ann = telegram.human("Ann")
    group, log = telegram.group("Art", ann), telegram.group("Log")
    async with candid_on(telegram, tmp_path, timings=PATIENT) as candid:
        rules = {"channels": ["*"], "mode": mode, "log_channel": str(log.id)}
        await candid.community.rules.change(f"telegram:{group.id}", "test", **rules)
        parts = late_caption(telegram, ann, group)
        [answer] = await answered(telegram, group)
        await nothing_open(candid)
    assert "1. " in answer.text and "2. " in answer.text and "3. " in answer.text
    assert answer.reply_to is parts[1] and len(telegram.answers(group)) == 1


def late_caption(telegram: Telegram, human: Human, group: Chat) -> list[object]:
    """An album whose second picture has the caption /check."""
    sent: list[object] = []
    for number in range(3):
        media = telegram.files.photo(picture(10, seed=number))
        text = "/check" if number == 1 else ""
        message = telegram.world.add(group, human.person, text=text, media=media, album="late")
        telegram.updates.push("message", message.json())
        sent.append(message)
    return sent


async def test_a_later_caption_of_an_album_outlives_a_crash(telegram: Telegram, tmp_path: Path) -> None:
    telegram.world.reads_all = True
    ann = telegram.human("Ann")
    group, log = telegram.group("Art", ann), telegram.group("Log")
    detector = closed()
    async with candid_on(telegram, tmp_path, timings=PATIENT, detector=detector, kill=True) as candid:
        rules = {"channels": ["*"], "mode": "log", "log_channel": str(log.id)}
        await candid.community.rules.change(f"telegram:{group.id}", "test", **rules)
        late_caption(telegram, ann, group)
        await telegram.until(lambda: detector.at_gate)
        detector.gate.set()
    async with candid_on(telegram, tmp_path) as candid:
        [answer] = await answered(telegram, group)
        await nothing_open(candid)
    assert "3. " in answer.text and len(telegram.answers(group)) == 1


async def test_a_channel_is_not_greeted(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    channel = telegram.group("News", admins=(ann,), bot="left")
    channel.kind = "channel"
    async with candid_on(telegram, tmp_path):
        ann.invites_bot(channel, "administrator")
        ann.photo(picture(AI))
        await answered(telegram, ann.chat)
    assert telegram.answers(channel) == []


async def test_an_anonymous_admin_asks(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", admins=(ann,))
    async with candid_on(telegram, tmp_path) as candid:
        await candid.community.rules.change(f"telegram:{group.id}", "test", audience="asker")
        asked = ann.photo(picture(AI), group, "/check", anonymous=True)
        [answer] = await answered(telegram, group)
    assert answer.buttons and answer.reply_to is asked


async def test_a_channels_post_in_its_group_is_checked_by_a_reply(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    channel = {"id": -1009000000001, "type": "channel", "title": "News"}
    forwarded = {"sender_chat": channel, "is_automatic_forward": True}
    post = telegram.world.add(group, ann.person, media=telegram.files.photo(picture(AI)), service=forwarded)
    async with candid_on(telegram, tmp_path):
        ann.says("/check", group, reply_to=post)
        assert (await answered(telegram, group))[0].buttons


@pytest.mark.parametrize("kind", ["video", "animation"])
async def test_a_caption_on_what_moves_is_answered_with_what_to_do(
    telegram: Telegram, tmp_path: Path, kind: str
) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path):
        ann.moving(kind, chat=group, text="/check")
        [answer] = await answered(telegram, group)
    assert answer.text == say("telegram.moving") and telegram.files.downloads == 0


@pytest.mark.parametrize(
    ("name", "mime", "judged"),
    [("a.png", "application/pdf", True), ("a", "application/octet-stream", True), ("a.bin", None, True)],
)
async def test_a_file_with_a_wrong_type_is_judged_by_its_bytes(
    telegram: Telegram, tmp_path: Path, name: str, mime: str | None, judged: bool
) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path):
        ann.file(picture(AI), name=name, mime=mime)
        ann.file(b"%PDF-1.7", name="b.png", mime="image/png")
        answers = await answered(telegram, ann.chat, 2)
    assert sorted(bool(answer.buttons) for answer in answers) == [False, judged]
    assert all(answer.text for answer in answers)


async def test_a_limit_after_the_group_is_gone_loses_nothing_silently(
    telegram: Telegram, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    cy = telegram.human("Cy", started=False)
    group, detector = telegram.group("Art", cy), closed()
    async with candid_on(telegram, tmp_path, detector=detector) as candid:
        cy.photo(picture(AI), group, "/check")
        await telegram.until(lambda: detector.at_gate)
        telegram.faults.add("editMessageText", Trouble.TOO_MANY)
        leave(group, telegram)
        detector.gate.set()
        await nothing_open(candid)
    assert any("given up" in record.getMessage() for record in caplog.records)


async def test_a_bug_before_anything_was_said_is_told_too(
    telegram: Telegram, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*args: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("bot.adapters.telegram.gate.Gate.admit", broken)
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path) as candid:
        asked = ann.photo(picture(AI))
        [answer] = await answered(telegram, ann.chat)
        await nothing_open(candid)
    assert answer.reply_to is asked and "secret detail" not in answer.text and "secret detail" in caplog.text


async def test_a_question_that_nobody_could_begin_with_in_time_is_told_so(telegram: Telegram, tmp_path: Path) -> None:
    ann, settings = telegram.human("Ann"), settings_for(telegram)
    async with candid_on(telegram, tmp_path, kill=True):
        telegram.faults.add("sendMessage", Trouble.BAD_GATEWAY, times=1000)
        ann.photo(picture(AI))
        await telegram.until(lambda: telegram.faults.happened)
        assert not telegram.answers()
    telegram.faults.clear()
    settings = replace(settings, checks=replace(settings.checks, fresh_minutes=0.0))
    async with candid_on(telegram, tmp_path, settings=settings) as candid:
        [answer] = await answered(telegram, ann.chat)
        await nothing_open(candid)
    assert answer.text == say("telegram.stale") and telegram.answers(ann.chat) == [answer]
