"""The log chat of a Telegram group: verdicts, cases that moderators decide, and authors who appeal."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.community import Case, Decision
from bot.verdict import Label
from bot.wording import say
from tests.adapters.telegram_bot import Candid, answered, candid_on, nothing_open, picture, settings_for
from tests.peers.telegram import Chat, Human, Message, Press, Telegram

RIGHT, WRONG, IGNORED = (say(f"telegram.case_{decision.value}") for decision in Decision)
APPEAL = say("telegram.appeal")


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram(reads_all=True) as server:
        yield server


@dataclass
class Scene:
    """A group with its log chat. Mia is its admin, Ann a member; Dan is an admin of another group, and in the log chat."""

    telegram: Telegram
    mia: Human
    ann: Human
    dan: Human
    group: Chat
    log: Chat

    @property
    def server(self) -> str:
        return f"telegram:{self.group.id}"

    async def flagged(self, **fields: Any) -> tuple[Message, Message]:
        """Ann's picture is called AI-generated: the answer, and what stands in the log."""
        before = len(self.telegram.answers(self.group)), len(self.telegram.answers(self.log))
        self.ann.photo(picture(250, **fields), self.group, "/check")
        answer = (await answered(self.telegram, self.group, before[0] + 1))[-1]
        return answer, (await answered(self.telegram, self.log, before[1] + 1))[-1]

    async def appeal(self, answer: Message, reason: str = "I drew it") -> Message:
        """Ann appeals; what she is told in the end."""
        press = await self.press(self.ann, answer, APPEAL)
        return await self.give_reason(press.url, reason)

    async def give_reason(self, link: str, reason: str) -> Message:
        before = len(self.telegram.answers(self.ann.chat))
        self.ann.opens(link)
        question = (await answered(self.telegram, self.ann.chat, before + 1))[-1]
        assert question.forced_reply
        self.ann.says(reason, reply_to=question)
        return (await answered(self.telegram, self.ann.chat, before + 2))[-1]

    async def press(self, human: Human, message: Message, label: str) -> Press:
        press = human.presses(message, label)
        await self.telegram.until(lambda: press.answered)
        return press


@pytest.fixture
def scene(telegram: Telegram) -> Scene:
    mia, ann, dan = telegram.human("Mia"), telegram.human("Ann"), telegram.human("Dan")
    group = telegram.group("Art", ann, admins=(mia,))
    telegram.group("Cats", admins=(dan,))
    return Scene(telegram, mia, ann, dan, group, telegram.group("Log", ann, dan, admins=(mia,)))


async def rule(candid: Candid, scene: Scene, **rules: Any) -> None:
    await candid.community.rules.change(scene.server, "test", log_channel=str(scene.log.id), **rules)


async def case_of(candid: Candid, scene: Scene) -> Case:
    case = await candid.community.cases.find(scene.server, 1)
    assert case
    return case


async def test_every_verdict_is_listed_without_its_picture(telegram: Telegram, tmp_path: Path, scene: Scene) -> None:
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene, channels=["*"])
        flagged, real = scene.ann.photo(picture(250), scene.group), scene.ann.photo(picture(10), scene.group)
        entries = await answered(telegram, scene.log, 2)
        by_link = {entry.links[0]["url"]: entry for entry in entries}
        chat = str(scene.group.id).removeprefix("-100")
        assert set(by_link) == {f"https://t.me/c/{chat}/{photo.id}" for photo in (flagged, real)}
        first, second = (by_link[f"https://t.me/c/{chat}/{photo.id}"] for photo in (flagged, real))
        case = await case_of(candid, scene)
    assert say("verdict.title-ai") in first.text and first.buttons == [RIGHT, WRONG]
    assert say("verdict.title-real") in second.text and second.buttons == []
    assert (
        case.sha256 in first.text and "fake-1" in first.text and case.author == f"telegram:user/{scene.ann.person.id}"
    )
    assert all(entry.silent and entry.media is None and "Ann" not in entry.text for entry in entries)


async def test_the_log_may_be_a_topic_of_the_group(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann, forum=True)
    async with candid_on(telegram, tmp_path) as candid:
        await candid.community.rules.change(f"telegram:{group.id}", "test", log_channel="17")
        ann.photo(picture(250), group, "/check", topic=23)
        answer, entry = await answered(telegram, group, 2)
    assert (answer.topic, entry.topic) == (23, 17) and entry.buttons == [RIGHT, WRONG]


async def test_a_log_that_is_gone_costs_nobody_the_answer(
    telegram: Telegram, tmp_path: Path, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.log.status[telegram.world.bot.id] = "kicked"
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene)
        scene.ann.photo(picture(250), scene.group, "/check")
        [answer] = await answered(telegram, scene.group)
        await nothing_open(candid)
    assert answer.buttons and "could not be written into the log chat" in caplog.text


@pytest.mark.parametrize("decision", [Decision.RIGHT, Decision.WRONG])
async def test_a_moderator_decides(telegram: Telegram, tmp_path: Path, scene: Scene, decision: Decision) -> None:
    label = say(f"telegram.case_{decision.value}")
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene)
        _, entry = await scene.flagged()
        data = (entry.keyboard or [[]])[0][0]["callback_data"]
        await scene.press(scene.mia, entry, label)
        await telegram.until(lambda: entry.edits)
        case = await case_of(candid, scene)
        assert (case.decision, case.decided_by) == (decision, f"telegram:user/{scene.mia.person.id}")
        assert say("telegram.log_decided", decision=label, name="Mia") in entry.text and not entry.buttons
        again = scene.mia.sends_callback(entry, data)
        await telegram.until(lambda: again.answered)
    assert again.text == say("community.decided") and entry.edits == 1


async def test_rights_count_in_the_group_at_the_press(telegram: Telegram, tmp_path: Path, scene: Scene) -> None:
    no = say("telegram.moderators_only")
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene)
        _, entry = await scene.flagged()
        scene.log.status[scene.dan.person.id] = "administrator"  # of the log chat, but not of the group
        for human in (scene.ann, scene.dan):
            assert (await scene.press(human, entry, WRONG)).text == no
        scene.group.status[scene.mia.person.id] = "member"
        assert (await scene.press(scene.mia, entry, WRONG)).text == no
        assert (await case_of(candid, scene)).decision is None and entry.edits == 0
    async with candid_on(telegram, tmp_path) as candid:  # and after a restart
        assert (await scene.press(scene.dan, entry, WRONG)).text == no
        scene.group.status[scene.mia.person.id] = "creator"
        await scene.press(scene.mia, entry, WRONG)
        assert (await case_of(candid, scene)).decision is Decision.WRONG


async def test_ids_of_one_group_mean_nothing_in_another(telegram: Telegram, tmp_path: Path, scene: Scene) -> None:
    cats = next(chat for chat in telegram.world.chats.values() if chat.title == "Cats")
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene)
        answer, entry = await scene.flagged()
        digest = (await case_of(candid, scene)).sha256[:32]
        forged = [
            scene.dan.sends_callback(entry, f"case:{cats.id}:1:wrong"),  # Dan is an admin there
            scene.dan.sends_callback(entry, f"case:{scene.group.id}:1:wrong"),
            scene.dan.sends_callback(entry, f"case:{scene.dan.chat.id}:1:wrong"),
            scene.dan.sends_callback(entry, "case:x:y:z"),
            scene.mia.sends_callback(entry, f"case:{scene.group.id}:99:wrong"),
            scene.mia.sends_callback(entry, f"case:{scene.group.id}:1:burn"),
            scene.dan.sends_callback(answer, f"appeal:{digest}"),
        ]
        await telegram.until(lambda: all(press.answered for press in forged))
        no, no_case = say("telegram.moderators_only"), say("community.no-case")
        assert [p.text for p in forged] == [no_case, no, no, no, no_case, no, say("community.not-author")]
        scene.dan.says(f"/start appeal_{scene.group.id}_{digest}")
        scene.dan.says(f"/start appeal_{cats.id}_{digest}")
        scene.dan.says("/start appeal_nonsense")
        texts = {message.text for message in await answered(telegram, scene.dan.chat, 3)}
        assert texts == {say("community.not-author"), no_case}
        case = await case_of(candid, scene)
        assert case.decision is None and case.appeal is None


async def test_a_press_from_elsewhere_changes_the_log_only(telegram: Telegram, tmp_path: Path, scene: Scene) -> None:
    cats = next(chat for chat in telegram.world.chats.values() if chat.title == "Cats")
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene)
        _, entry = await scene.flagged()
        scene.dan.photo(picture(250), cats, "/check")
        [victim] = await answered(telegram, cats)
        edits = victim.edits
        forged = scene.mia.sends_callback(victim, f"case:{scene.group.id}:1:wrong")  # she may decide, but not there
        await telegram.until(lambda: forged.answered and not entry.buttons)
    assert victim.edits == edits and say("telegram.log_decided", decision=WRONG, name="Mia") in entry.text


async def test_the_author_appeals(telegram: Telegram, tmp_path: Path, scene: Scene) -> None:
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene)
        answer, entry = await scene.flagged()
        assert APPEAL in answer.buttons
        assert (await scene.press(scene.mia, answer, APPEAL)).text == say("community.not-author")
        told = await scene.appeal(answer, "I drew it, <b>myself</b>")
        assert told.text == say("telegram.appeal_sent")
        await telegram.until(lambda: entry.edits)
        assert say("telegram.log_appeal", reason="I drew it, <b>myself</b>") in entry.text
        assert entry.buttons == [RIGHT, WRONG, IGNORED]
        again = await scene.press(scene.ann, answer, APPEAL)
        assert again.text == say("community.appealed") and not again.url
        await scene.press(scene.mia, entry, WRONG)
        await telegram.until(lambda: not entry.buttons)
    assert say("telegram.log_decided", decision=WRONG, name="Mia") in entry.text
    assert telegram.answers(scene.group) == [answer]  # nobody else reads of it


async def test_nobody_is_called_by_a_reason_or_a_name(telegram: Telegram, tmp_path: Path, scene: Scene) -> None:
    boss = telegram.human("@everybody")
    scene.group.status[boss.person.id] = "administrator"
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene)
        answer, entry = await scene.flagged()
        await scene.appeal(answer, "ask @someone")
        await scene.press(boss, entry, RIGHT)
        await telegram.until(lambda: "everybody" in entry.text)
    assert "someone" in entry.text and "@someone" not in entry.text and "@everybody" not in entry.text


async def test_every_step_of_an_appeal_outlives_a_restart(telegram: Telegram, tmp_path: Path, scene: Scene) -> None:
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene)
        answer, entry = await scene.flagged()
    async with candid_on(telegram, tmp_path):
        link = (await scene.press(scene.ann, answer, APPEAL)).url
    async with candid_on(telegram, tmp_path):
        scene.ann.opens(link)
        [question] = await answered(telegram, scene.ann.chat)
    async with candid_on(telegram, tmp_path):
        scene.ann.says("mine", reply_to=question)
        assert (await answered(telegram, scene.ann.chat, 2))[1].text == say("telegram.appeal_sent")
        await telegram.until(lambda: entry.edits)
        scene.ann.says("again", reply_to=question)  # one appeal a picture
        assert (await answered(telegram, scene.ann.chat, 3))[2].text == say("community.appealed")


async def test_an_entry_that_was_deleted_comes_again_with_the_appeal(
    telegram: Telegram, tmp_path: Path, scene: Scene
) -> None:
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene)
        answer, entry = await scene.flagged()
        scene.mia.deletes(entry)
        await scene.appeal(answer)
        new = (await answered(telegram, scene.log, 2))[0]
        assert new is not entry and IGNORED in new.buttons
        await scene.press(scene.mia, new, RIGHT)
        await telegram.until(lambda: new.edits)


async def test_appeals_are_muted_and_limited(telegram: Telegram, tmp_path: Path, scene: Scene) -> None:
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene)
        answer, entry = await scene.flagged()
        await scene.appeal(answer)
        await telegram.until(lambda: IGNORED in entry.buttons)
        await scene.press(scene.mia, entry, IGNORED)
        await telegram.until(lambda: not entry.buttons)
        other, _ = await scene.flagged(seed=1)
        muted = await scene.press(scene.ann, other, APPEAL)
        assert muted.text == say("community.muted", days=7) and not muted.url


async def test_reports_are_limited(
    telegram: Telegram, tmp_path: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.REPORTS_A_DAY", 1)
    wrong, no = say("telegram.wrong"), say("community.too-many-reports", most=1)
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene)
        first, _ = await scene.flagged()
        second, _ = await scene.flagged(seed=1)
        assert (await scene.press(scene.mia, first, wrong)).text == say("telegram.noted")
        refused = await scene.press(scene.mia, second, wrong)
        assert refused.text == no and refused.alert
        assert (await scene.press(scene.ann, second, wrong)).text == say("telegram.noted")
        assert len(await candid.store.rows("SELECT 1 FROM reports")) == 2
    async with candid_on(telegram, tmp_path):
        assert (await scene.press(scene.mia, second, wrong)).text == no


async def test_an_appeal_is_forgotten_in_the_log_too(telegram: Telegram, tmp_path: Path, scene: Scene) -> None:
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene)
        answer, entry = await scene.flagged()
        await scene.appeal(answer, "my studio is at 5 Main Street")
        note = (await answered(telegram, scene.log, 2))[1]  # an edited message alone is noticed by nobody
        assert note.reply_to is entry and note.silent and "Main Street" in entry.text
        scene.ann.says("/forget")
        question = (await answered(telegram, scene.ann.chat, 3))[-1]
        scene.ann.presses(question, say("telegram.forget_yes"))
        await telegram.until(lambda: say("telegram.case_forgotten") in entry.text)
        assert "Main Street" not in entry.text + note.text and not entry.buttons


@pytest.mark.parametrize("trouble", ["", "deleted", "kicked", "upgraded"])
async def test_whoever_decided_is_only_a_moderator_after_forgetting(
    telegram: Telegram, tmp_path: Path, scene: Scene, trouble: str
) -> None:
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene)
        answer, entry = await scene.flagged()
        await scene.appeal(answer, "mine")
        await telegram.until(lambda: IGNORED in entry.buttons)
        await scene.press(scene.mia, entry, WRONG)
        await telegram.until(lambda: "Mia" in entry.text)
        if trouble == "deleted":
            scene.mia.deletes(entry)
        elif trouble == "kicked":
            scene.log.status[telegram.world.bot.id] = "kicked"
        elif trouble == "upgraded":
            new = telegram.upgrade(scene.log, scene.mia)
            await telegram.until(lambda: not telegram.updates.pending)
        scene.mia.says("/forget")
        [question] = await answered(telegram, scene.mia.chat)
        scene.mia.presses(question, say("telegram.forget_yes"))
        left = 1 if trouble in ("kicked", "upgraded") else 0
        told = candid.community.privacy.erased(2, left)
        await telegram.until(lambda: question.text == told)
        assert (say("community.privacy-left", count=1) in told) == bool(left)
        if not trouble:
            assert say("telegram.log_decided", decision=WRONG, name="a moderator") in entry.text
            assert "Mia" not in entry.text and say("telegram.log_appeal", reason="mine") in entry.text
        assert (await case_of(candid, scene)).decision is Decision.WRONG
        assert len(telegram.answers(scene.log)) == (1 if trouble == "deleted" else 2)  # nothing is posted anew
        assert trouble != "upgraded" or telegram.answers(new) == []


async def test_cases_move_with_an_upgraded_group(telegram: Telegram, tmp_path: Path, scene: Scene) -> None:
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene)
        answer, entry = await scene.flagged()
        link = (await scene.press(scene.ann, answer, APPEAL)).url
        new = telegram.upgrade(scene.group, scene.mia)
        await telegram.until(lambda: not telegram.updates.pending)
        assert (await scene.give_reason(link, "mine")).text == say("telegram.appeal_sent")  # with the old group's id
        await telegram.until(lambda: entry.edits)
        assert str(new.id) in (entry.keyboard or [[]])[0][0]["callback_data"]
        pressed = scene.mia.sends_callback(entry, f"case:{scene.group.id}:1:wrong")
        await telegram.until(lambda: pressed.answered)
        case = await candid.community.cases.find(f"telegram:{new.id}", 1)
        assert case and case.decision is Decision.WRONG


async def test_where_nobody_reads_appeals_there_is_no_button(telegram: Telegram, tmp_path: Path, scene: Scene) -> None:
    async with candid_on(telegram, tmp_path) as candid:
        scene.ann.photo(picture(250), scene.group, "/check")
        [answer] = await answered(telegram, scene.group)
        assert APPEAL not in answer.buttons
        await rule(candid, scene, appeals=False)
        answer, _ = await scene.flagged(seed=1)
        assert APPEAL not in answer.buttons
        await rule(candid, scene, appeals=True)
        answer, _ = await scene.flagged(seed=2)
        real = scene.ann.photo(picture(10), scene.group, "/check")
        await telegram.until(lambda: any(m.reply_to is real and m.buttons for m in telegram.answers(scene.group)))
        assert APPEAL in answer.buttons
        assert APPEAL not in next(m for m in telegram.answers(scene.group) if m.reply_to is real).buttons
        await rule(candid, scene, appeals=False)  # the button is there still
        assert (await scene.press(scene.ann, answer, APPEAL)).text == say("telegram.appeals_off")


async def test_who_can_not_press_it_is_shown_no_appeal(telegram: Telegram, tmp_path: Path, scene: Scene) -> None:
    """A post of the linked channel, and an admin who writes as the group: nobody presses a button as these."""
    channel = {"id": -1001234567890, "type": "channel", "title": "Art daily"}
    of_channel = {
        "from": {"id": 777000, "is_bot": False, "first_name": "Telegram"},
        "sender_chat": channel,
        "is_automatic_forward": True,
        "forward_origin": {"type": "channel", "chat": channel, "message_id": 7, "date": 1},
    }
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene, channels=["*"])
        posts = [
            scene.ann.photo(picture(250), scene.group, service=of_channel),
            scene.mia.photo(picture(251), scene.group, anonymous=True),
            scene.ann.photo(picture(252), scene.group),
        ]
        answers = {answer.reply_to: answer for answer in await answered(telegram, scene.group, 3)}
        assert all(say("verdict.title-ai") in answer.text for answer in answers.values())
        assert [APPEAL in answers[post].buttons for post in posts] == [False, False, True]
        for entry in await answered(telegram, scene.log, 3):
            assert entry.buttons == [RIGHT, WRONG]  # moderators can say what they think of each


async def test_an_answer_aside_has_an_appeal_for_the_author_only(
    telegram: Telegram, tmp_path: Path, scene: Scene
) -> None:
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene, audience="asker")
        photo = scene.ann.photo(picture(250), scene.group)
        for human in (scene.mia, scene.ann):
            human.says("/check", scene.group, reply_to=photo)
            await answered(telegram, human.chat)
        [for_mia], [for_ann] = telegram.answers(scene.mia.chat), telegram.answers(scene.ann.chat)
        assert APPEAL not in for_mia.buttons and APPEAL in for_ann.buttons
    async with candid_on(telegram, tmp_path):  # nobody remembers now from where the answer came
        press = await scene.press(scene.ann, for_ann, APPEAL)
        assert (await scene.give_reason(press.url, "mine")).text == say("telegram.appeal_sent")


async def test_somebody_else_asks_about_the_picture(telegram: Telegram, tmp_path: Path, scene: Scene) -> None:
    async with candid_on(telegram, tmp_path) as candid:
        await rule(candid, scene)
        scene.mia.says("/check", scene.group, reply_to=scene.ann.photo(picture(250), scene.group))
        [answer] = await answered(telegram, scene.group)
        assert (await scene.press(scene.mia, answer, APPEAL)).text == say("community.not-author")
        assert (await scene.appeal(answer)).text == say("telegram.appeal_sent")  # Ann posted it


async def test_reported_and_appealed_pictures_are_kept_where_the_group_wants_it(
    telegram: Telegram, tmp_path: Path, scene: Scene
) -> None:
    settings = settings_for(telegram)
    settings = replace(settings, review=replace(settings.review, directory=str(tmp_path / "review")))
    noa = telegram.human("Noa")
    scene.group.status[noa.person.id] = "administrator"
    async with candid_on(telegram, tmp_path, settings=settings) as candid:
        review = candid.community.review
        await rule(candid, scene)
        answer, _ = await scene.flagged()
        assert (await scene.press(scene.mia, answer, say("telegram.wrong"))).text == say("telegram.noted")
        assert await review.everything() == []
        await rule(candid, scene, review=True)
        answer, entry = await scene.flagged(seed=1)
        await scene.appeal(answer)
        [kept] = await until_kept(candid, 1)
        assert (kept.source, kept.author) == ("appeal", f"telegram:user/{scene.ann.person.id}")
        await telegram.until(lambda: IGNORED in entry.buttons)
        await scene.press(scene.mia, entry, WRONG)
        await telegram.until(lambda: say("telegram.log_decided", decision=WRONG, name="Mia") in entry.text)
        assert entry.buttons == [RIGHT, WRONG]  # a second moderator may say what it is
        assert (await scene.press(noa, entry, WRONG)).text == say("telegram.vote_noted")
        assert (await scene.press(noa, entry, WRONG)).text == say("community.decided")
        [kept] = await review.everything()
        assert kept.label is Label.REAL
        other, _ = await scene.flagged(seed=2)
        told = (await scene.press(scene.mia, other, say("telegram.wrong"))).text
        assert told == say("community.reported-kept", days=review.keep_days)
        reported = next(one for one in await until_kept(candid, 2) if one.source == "report")
        assert reported.author == f"telegram:user/{scene.ann.person.id}"
        scene.ann.says("/optout")  # takes her pictures out
        await answered(telegram, scene.ann.chat, 3)
        assert await review.everything() == []


async def test_a_report_of_a_missed_picture_reaches_the_moderators_and_gets_a_label(
    telegram: Telegram, tmp_path: Path, scene: Scene
) -> None:
    settings = settings_for(telegram)
    settings = replace(settings, review=replace(settings.review, directory=str(tmp_path / "review")))
    noa, tom = telegram.human("Noa"), telegram.human("Tom")
    scene.group.status |= {noa.person.id: "administrator", tom.person.id: "member"}
    async with candid_on(telegram, tmp_path, settings=settings) as candid:
        await rule(candid, scene, review=True)
        photo = scene.ann.photo(picture(10), scene.group, "/check")
        [answer] = await answered(telegram, scene.group)
        [listed] = await answered(telegram, scene.log)
        assert say("verdict.title-real") in answer.text and listed.buttons == []
        await scene.press(tom, answer, say("telegram.wrong"))
        entry = (await answered(telegram, scene.log, 2))[1]
        assert entry.buttons == [RIGHT, WRONG] and entry.links[0]["url"].endswith(f"/{photo.id}")
        for moderator in (scene.mia, noa):
            await scene.press(moderator, entry, WRONG)
        [kept] = await until_kept(candid, 1)
        assert (kept.source, kept.label) == ("report", Label.AI)
        await candid.community.members.opt_out(f"telegram:user/{scene.ann.person.id}")
        scene.ann.photo(picture(11, seed=3), scene.group, "/check")
        other = (await answered(telegram, scene.group, 2))[1]
        await scene.press(scene.mia, other, say("telegram.wrong"))
        assert len(await answered(telegram, scene.log, 3)) == 3  # the verdict is listed; there is no case


async def until_kept(candid: Candid, count: int) -> Any:
    for _ in range(200):
        if len(found := await candid.community.review.everything()) >= count:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("it was not kept")
