"""The log channel, appeals and what moderators decide: who may press what, whose server it is, and that nobody is pinged."""

import asyncio
import dataclasses
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.discord_rig import Rig, picture, upload
from tests.conftest import make_picture
from tests.peers.discord import Ask, Permission, Person, Post, Upload


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path, message_content=True, review=True, per_user_burst=100, per_chat_burst=100) as rig:
        rig.world.portal_message_content = True
        await rig.start()
        await rig.rule(channels=[str(rig.general.id)], log_channel=str(rig.log.id))
        yield rig


async def flagged(rig: Rig, *uploads: Upload, author: Person | None = None) -> tuple[Post, Post]:
    """A member's picture that was called AI-generated: the picture, and the answer."""
    posted = await rig.world.say(author or rig.member, rig.general, uploads=uploads or [upload()])
    return posted, await rig.world.reply(posted)


async def logged(rig: Rig, count: int = 1) -> list[Post]:
    """What stands in the log channel."""
    await rig.world.until(lambda: len(rig.world.answers(rig.log)) >= count)
    await rig.world.until(lambda: not rig.adapter._desk._work)
    assert len(rig.world.answers(rig.log)) == count
    return rig.world.answers(rig.log)


async def appeal(rig: Rig, answer: Post, reason: str = "I painted this", person: Person | None = None) -> Post:
    form = await rig.world.click(person or rig.member, answer, "Appeal")
    await rig.world.until(lambda: form.answered)
    return await rig.world.answer(form if form.modal is None else await rig.world.submit(form, reason))


async def pressed(rig: Rig, ask: Ask) -> None:
    await rig.world.until(lambda: ask.acked is not None)
    assert ask.acked == 7, "it was refused"


def labels(post: Post) -> list[str]:
    return [item["label"] for item in post.items() if not item.get("disabled")]


async def test_each_verdict_is_logged_with_link_hash_and_model_and_without_the_picture(rig: Rig) -> None:
    fine = await rig.world.say(rig.member, rig.general, uploads=[upload(0)])
    (line,) = await logged(rig)
    digest = hashlib.sha256(picture(0)).hexdigest()
    for part in ("Likely real", "AI score 1 of 100", rig.detector.version, digest, "automatic check"):
        assert part in line.text
    assert f"https://discord.com/channels/{rig.guild.id}/{rig.general.id}/{fine.id}" in line.text
    assert not line.uploads and not line.components and "<@" not in line.text
    asked = await rig.world.say(rig.other, rig.log, rig.world.bot.mention, uploads=[upload(1)])
    await rig.world.reply(asked)
    assert any("somebody asked" in post.text for post in await logged(rig, 3))


async def test_a_flagged_picture_is_a_case_with_buttons(rig: Rig) -> None:
    posted, answer = await flagged(rig)
    assert labels(answer) == ["Why?", "Wrong?", "Appeal"]
    (case,) = await logged(rig)
    assert [item["label"] for item in case.items()] == ["Looks right", "Wrong", "Ignore this member's appeal"]
    assert labels(case) == ["Looks right", "Wrong"]  # there is no appeal yet
    assert str(posted.id) in case.text and not case.uploads
    await rig.world.say(rig.member, rig.general, uploads=[upload()])  # again the same picture by the same person
    _, second = await logged(rig, 2)
    assert not second.components


async def test_several_pictures_have_a_menu_of_appeals(rig: Rig) -> None:
    _, answer = await flagged(
        rig, Upload("a.png", picture(255)), Upload("b.png", picture(0)), Upload("c.png", picture(254))
    )
    await logged(rig, 3)
    form = await rig.world.choose(rig.member, answer, "Appeal", "3 · c.png")
    await rig.world.until(lambda: form.modal is not None)
    assert "with the moderators" in (await rig.world.answer(await rig.world.submit(form, "mine"))).text
    assert len([o for item in answer.items() if "Appeal" in item["placeholder"] for o in item["options"]]) == 2


async def test_an_appeal_reaches_the_case(rig: Rig) -> None:
    _, answer = await flagged(rig)
    (case,) = await logged(rig)
    told = await appeal(rig, answer, "I painted @everyone **this**")
    assert told.only_for is rig.member and "with the moderators" in told.text
    assert f"<@{rig.member.id}> appeals" in case.text and "I painted" in case.text
    assert "@everyone" not in case.text and "**this**" not in case.text
    assert labels(case) == ["Looks right", "Wrong", "Ignore this member's appeal"]
    _, note = await logged(rig, 2)
    assert note.reply_to is case and "appeal above" in note.text  # an edit alone is seen by nobody
    assert "appealed this verdict before" in (await appeal(rig, answer)).text


async def test_a_reason_with_a_link_shows_nothing_of_what_is_behind_it(rig: Rig) -> None:
    _, answer = await flagged(rig)
    (case,) = await logged(rig)
    await appeal(rig, answer, "see https://elsewhere.example/horrid.png")
    assert "elsewhere.example" in case.text and "https://elsewhere" not in case.text


async def test_a_report_reaches_the_moderators_also_of_a_picture_that_was_checked_by_command_before(rig: Rig) -> None:
    await rig.world.answer(await rig.world.slash(rig.other, rig.far, "check", image=upload(0)))
    posted = await rig.world.say(rig.member, rig.general, uploads=[upload(0)])
    form = await rig.world.click(rig.other, await rig.world.reply(posted), "Wrong?")
    await rig.world.until(lambda: form.modal is not None)
    await rig.world.answer(await rig.world.submit(form, "AI!"))
    (row,) = await rig.store.rows("SELECT author, link FROM cases")
    assert row["author"] == f"discord:user/{rig.member.id}" and row["link"].endswith(f"/{posted.id}")


async def test_only_the_author_may_appeal_and_hears_it_before_writing(rig: Rig) -> None:
    _, answer = await flagged(rig)
    for person in (rig.other, rig.moderator, rig.admin):
        refused = await rig.world.answer(await rig.world.click(person, answer, "Appeal"))
        assert "Only whoever posted the picture" in refused.text and refused.only_for is person


async def test_appeals_are_limited(rig: Rig) -> None:
    answers = [(await flagged(rig, upload(250 - n)))[1] for n in range(6)]
    for answer in answers[:5]:
        assert "with the moderators" in (await appeal(rig, answer)).text
    assert "within a day" in (await appeal(rig, answers[5])).text


async def test_reports_are_limited_and_the_form_is_not_even_opened(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.core.REPORTS_A_DAY", 2)
    answers = [(await flagged(rig, upload(250 - n)))[1] for n in range(3)]
    forms = [await rig.world.click(rig.other, answer, "Wrong?") for answer in answers]
    await rig.world.until(lambda: all(form.modal for form in forms))
    for form in forms[:2]:
        assert "noted" in (await rig.world.answer(await rig.world.submit(form, "no"))).text
    late = await rig.world.answer(await rig.world.submit(forms[2], "no"))
    again = await rig.world.answer(await rig.world.click(rig.other, answers[2], "Wrong?"))
    for refused in (late, again):
        assert "reported 2 verdicts within a day" in refused.text and refused.only_for is rig.other
    assert len(await rig.store.rows("SELECT 1 FROM reports")) == 2
    await rig.restart()
    assert "within a day" in (await rig.world.answer(await rig.world.click(rig.other, answers[2], "Wrong?"))).text
    form = await rig.world.click(rig.member, answers[2], "Wrong?")
    await rig.world.until(lambda: form.modal is not None)  # another person's day is another one


@pytest.mark.parametrize(("button", "decision"), [("Looks right", "right"), ("Wrong", "wrong")])
@pytest.mark.parametrize("who", ["moderator", "admin"])
async def test_moderators_decide_once(rig: Rig, button: str, decision: str, who: str) -> None:
    posted, answer = await flagged(rig)
    (case,) = await logged(rig)
    person = getattr(rig, who)
    await pressed(rig, await rig.world.click(person, case, button))
    assert f"<@{person.id}> says" in case.text and not case.components
    (row,) = await rig.store.rows("SELECT decision, decided_by FROM cases")
    assert tuple(row) == (decision, f"discord:user/{person.id}")
    assert not posted.deleted and not answer.deleted


async def test_two_moderators_at_once(rig: Rig) -> None:
    await flagged(rig)
    (case,) = await logged(rig)
    first = await rig.world.click(rig.moderator, case, "Wrong")
    second = await rig.world.click(rig.admin, case, "Looks right")
    await rig.world.until(lambda: first.acked and second.acked)
    late = second if first.acked == 7 else first
    assert sorted([first.acked or 0, second.acked or 0]) == [4, 7]
    assert "decided before" in (await rig.world.answer(late)).text


@pytest.mark.parametrize("who", ["member", "other"])
async def test_members_decide_nothing(rig: Rig, who: str) -> None:
    _, answer = await flagged(rig)
    (case,) = await logged(rig)
    await appeal(rig, answer)
    for button in ("Looks right", "Wrong", "Ignore"):
        refused = await rig.world.answer(await rig.world.click(getattr(rig, who), case, button))
        assert "Manage Messages" in refused.text and refused.only_for is getattr(rig, who)
    assert (await rig.store.rows("SELECT decision FROM cases"))[0]["decision"] is None


async def test_the_right_is_looked_at_when_it_is_pressed(rig: Rig) -> None:
    await flagged(rig)
    (case,) = await logged(rig)
    rig.guild.moderators.clear()
    refused = await rig.world.answer(await rig.world.click(rig.moderator, case, "Wrong"))
    assert "Manage Messages" in refused.text
    assert labels(case) == ["Looks right", "Wrong"]


async def test_a_case_of_another_server_means_nothing(rig: Rig) -> None:
    await flagged(rig)
    (case,) = await logged(rig)
    forged = Post(rig.world.snowflake(), rig.far, rig.world.bot, "case")
    forged.components = case.components
    rig.world.publish(forged)
    refused = await rig.world.answer(await rig.world.click(rig.foreigner, forged, "Wrong"))
    assert "don't know this case" in refused.text
    assert (await rig.store.rows("SELECT decision FROM cases"))[0]["decision"] is None


async def test_ignoring_an_appeal(rig: Rig) -> None:
    _, answer = await flagged(rig)
    _, other = await flagged(rig, upload(250))
    case, _ = await logged(rig, 2)
    await appeal(rig, answer)
    await pressed(rig, await rig.world.click(rig.moderator, case, "Ignore"))
    assert "ignores this appeal" in case.text and not case.components
    assert "take no appeal of yours" in (await appeal(rig, other)).text


async def test_an_appeal_opens_a_decided_case_again(rig: Rig) -> None:
    _, answer = await flagged(rig)
    (case,) = await logged(rig)
    await pressed(rig, await rig.world.click(rig.moderator, case, "Looks right"))
    await appeal(rig, answer)
    assert "says: looks right" not in case.text
    await pressed(rig, await rig.world.click(rig.admin, case, "Wrong"))
    assert "the verdict is wrong" in case.text
    assert "already found this verdict wrong" in (await appeal(rig, answer)).text


async def test_buttons_and_open_forms_survive_a_restart(rig: Rig) -> None:
    _, answer = await flagged(rig)
    (case,) = await logged(rig)
    form = await rig.world.click(rig.member, answer, "Appeal")
    await rig.world.until(lambda: form.modal is not None)
    await rig.restart()
    assert "with the moderators" in (await rig.world.answer(await rig.world.submit(form, "mine"))).text
    await pressed(rig, await rig.world.click(rig.moderator, case, "Wrong"))
    assert "the verdict is wrong" in case.text


async def test_without_a_log_channel_or_appeals_there_is_no_such_button(rig: Rig) -> None:
    await rig.rule(appeals=False)
    _, answer = await flagged(rig)
    assert labels(answer) == ["Why?", "Wrong?"]
    assert labels((await logged(rig))[0]) == ["Looks right", "Wrong"]
    await rig.rule(appeals=True)
    _, old = await flagged(rig, upload(250))
    await rig.rule(log_channel=None)
    assert labels((await flagged(rig, upload(251)))[1]) == ["Why?", "Wrong?"]
    assert "takes no appeals" in (await rig.world.answer(await rig.world.click(rig.member, old, "Appeal"))).text


async def test_a_picture_by_a_bot_or_of_a_direct_message_is_no_case(rig: Rig) -> None:
    maker = rig.guild.join(rig.world.person("maker", bot=True))
    posted = await rig.world.say(maker, rig.general, uploads=[upload()])
    answer = await rig.world.answer(await rig.world.menu(rig.member, posted))
    assert labels(answer) == ["Why?", "Wrong?"]
    private = await rig.world.reply(await rig.world.say(rig.member, rig.world.direct(rig.member), uploads=[upload()]))
    assert labels(private) == ["Why?", "Wrong?"]
    (line,) = await logged(rig)
    assert not line.components


async def test_a_log_channel_in_another_server_is_never_written_to(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    await rig.rule(log_channel=str(rig.far.id))  # an import could say so
    await flagged(rig)
    await rig.world.until(lambda: not rig.adapter._desk._work)
    assert rig.world.answers(rig.far) == []
    assert any("can't write to the log channel" in record.getMessage() for record in caplog.records)


async def test_where_the_log_channel_is_closed_answers_come_and_the_author_is_told(rig: Rig) -> None:
    rig.log.denied = Permission.SEND_MESSAGES
    await rig.world.gateway.say_raw("CHANNEL_UPDATE", rig.log.payload)
    _, answer = await flagged(rig)
    assert "Please tell a moderator" in (await appeal(rig, answer)).text
    rig.log.denied = Permission.NONE


async def test_nobody_is_ever_mentioned(rig: Rig) -> None:
    _, answer = await flagged(rig)
    (case,) = await logged(rig)
    await appeal(rig, answer)
    await pressed(rig, await rig.world.click(rig.moderator, case, "Wrong"))
    assert rig.world.pings == []


async def test_reports_and_appeals_are_kept_for_review_where_the_server_wants_it(rig: Rig) -> None:
    await rig.rule(review=True)
    real, fake = make_picture(230, side=200, seed=1), make_picture(20, side=200, seed=2)
    _, answer = await flagged(rig, Upload("photo.png", real))
    assert "picture is kept for a while" in (await appeal(rig, answer)).text
    missed = await rig.world.say(rig.member, rig.general, uploads=[Upload("missed.png", fake)])
    form = await rig.world.click(rig.other, await rig.world.reply(missed), "Wrong?")
    await rig.world.until(lambda: form.modal is not None)
    assert "kept for its moderators" in (await rig.world.answer(await rig.world.submit(form, "AI!"))).text
    kept = {one.source: one for one in await rig.community.review.everything()}
    assert set(kept) == {"appeal", "report"}
    cases = [post for post in rig.world.answers(rig.log) if "Wrong" in labels(post)]
    assert len(cases) == 2  # a reported picture is a case as well
    for case in cases:
        await pressed(rig, await rig.world.click(rig.moderator, case, "Wrong"))
        assert "when two moderators agree" in case.text
        await pressed(rig, await rig.world.click(rig.admin, case, "Wrong"))
    approved = {one.source: one.label for one in await rig.community.review.everything()}
    assert {source: str(label) for source, label in approved.items()} == {"appeal": "real", "report": "ai"}


async def test_nothing_is_kept_where_nobody_wants_it(rig: Rig) -> None:
    _, answer = await flagged(rig)
    form = await rig.world.click(rig.other, answer, "Wrong?")
    await rig.world.until(lambda: form.modal is not None)
    assert "not the picture" in (await rig.world.answer(await rig.world.submit(form, "no"))).text
    await appeal(rig, answer)
    await rig.rule(review=True)
    _, second = await flagged(rig, upload(250))
    await rig.community.members.opt_out(f"discord:user/{rig.member.id}")
    form = await rig.world.click(rig.other, second, "Wrong?")
    await rig.world.until(lambda: form.modal is not None)
    assert "not the picture" in (await rig.world.answer(await rig.world.submit(form, "no"))).text
    assert await rig.community.review.everything() == []


async def test_a_crash_before_the_log_loses_no_case(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.rule(mode="log")
    asked = asyncio.Event()

    async def wait(*args: object) -> None:
        asked.set()
        await asyncio.sleep(3600)

    monkeypatch.setattr(rig.checker, "check", wait)
    await rig.world.say(rig.member, rig.general, uploads=[upload()])
    await asked.wait()
    await rig.crash()
    await rig.prepare()
    await rig.start()
    (case,) = await logged(rig)
    assert labels(case) == ["Looks right", "Wrong"]


async def test_a_flood_of_verdicts_is_logged_in_few_messages(rig: Rig) -> None:
    rig.world.limits.routes[r"POST /channels/(\d+)/messages$"] = (1, 0.5)
    await rig.rule(mode="log")
    posts = [await rig.world.say(rig.member, rig.general, uploads=[upload(n)]) for n in range(20)]

    def text() -> str:
        return "\n".join(line.text for line in rig.world.answers(rig.log))

    await rig.world.until(lambda: all(f"/{post.id}\n" in text() for post in posts))
    assert all(text().count(f"/{post.id}\n") == 1 for post in posts)
    assert len(rig.world.answers(rig.log)) < 10
    assert all(len(line.text) <= 2000 for line in rig.world.answers(rig.log))


async def test_slow_answers_are_acknowledged_first_and_a_refusal_changes_no_message(tmp_path: Path) -> None:
    slow = Rig(tmp_path, message_content=True)
    slow.timings = dataclasses.replace(slow.timings, quick_seconds=0.0)
    async with slow as rig:
        rig.world.portal_message_content = True
        await rig.start()
        await rig.rule(channels=["*"], log_channel=str(rig.log.id))
        _, answer = await flagged(rig)
        (case,) = await logged(rig)
        ask = await rig.world.click(rig.moderator, case, "Wrong")
        await rig.world.until(lambda: "the verdict is wrong" in case.text)
        assert ask.acked == 6
        decided = Post(rig.world.snowflake(), rig.log, rig.world.bot, "an old state")
        decided.components = case.history[0]["components"]
        rig.world.publish(decided)
        refused = await rig.world.click(rig.admin, decided, "Looks right")
        await rig.world.until(lambda: refused.followups)
        assert "decided before" in refused.followups[0].text and refused.followups[0].only_for is rig.admin
        assert decided.text == "an old state"
        reasons = await rig.world.answer(await rig.world.click(rig.other, answer, "Why?"))
        assert reasons.uploads and reasons.only_for is rig.other
        panel = await rig.world.answer(await rig.world.slash(rig.admin, rig.general, "candid settings"))
        before = panel.edits
        await rig.world.choose(rig.admin, panel, "What I do", "reply-ai")
        await rig.world.until(lambda: panel.edits > before)
        assert panel.only_for is rig.admin
