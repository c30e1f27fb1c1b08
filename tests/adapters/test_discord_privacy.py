"""What is kept about somebody: said, shown, erased, by that person and nobody else; and the wish to be left alone."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.discord_rig import Rig, upload
from tests.peers.discord import Permission, Person, Post


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path, message_content=True) as rig:
        rig.world.portal_message_content = True
        yield await rig.start()


async def command(rig: Rig, name: str, person: Person | None = None) -> Post:
    who = person or rig.member
    answer = await rig.world.answer(await rig.world.slash(who, rig.general, f"candid {name}"))
    assert answer.only_for is who
    return answer


async def rows(rig: Rig, person: Person) -> int:
    """How much is kept about somebody."""
    kept = await rig.community.privacy.export(f"discord:user/{person.id}")
    return sum(len(value) for value in kept.values() if isinstance(value, list))


async def erased(rig: Rig, person: Person) -> Post:
    """Somebody has everything about them erased, and is told what came of it."""
    question = await command(rig, "forget", person)
    return await rig.world.answer(await rig.world.click(person, question, "Yes, erase it"))


async def active(rig: Rig) -> None:
    """Everybody leaves something behind: reports by two people, a case, an appeal, a decision, changed settings."""
    await rig.rule(channels=["*"], log_channel=str(rig.log.id))
    posted = await rig.world.say(rig.member, rig.general, uploads=[upload()])
    answer = await rig.world.reply(posted)
    for person in (rig.member, rig.other):
        form = await rig.world.click(person, answer, "Wrong?")
        await rig.world.until(lambda form=form: form.modal is not None)
        await rig.world.answer(await rig.world.submit(form, f"{person.name} says so"))
    form = await rig.world.click(rig.member, answer, "Appeal")
    await rig.world.until(lambda: form.modal is not None)
    await rig.world.answer(await rig.world.submit(form, "mine"))
    case = next(post for post in rig.world.answers(rig.log) if post.components)
    ask = await rig.world.click(rig.moderator, case, "Wrong")
    await rig.world.until(lambda: ask.acked)
    await rig.community.rules.change(rig.server, f"discord:user/{rig.admin.id}", mode="reply-ai")


async def test_the_statement_says_what_is_kept_and_for_how_long(rig: Rig) -> None:
    answer = await command(rig, "privacy")
    for part in ("forget it", "for 30 days", "fingerprint (SHA-256)", "never names", "erased"):
        assert part in answer.text
    assert [item["label"] for item in answer.items()] == ["Show me everything", "Erase it", "Don't check my pictures"]


async def test_everything_about_oneself_as_a_file(rig: Rig) -> None:
    await active(rig)
    answer = await command(rig, "export")
    (file,) = answer.uploads
    kept: dict[str, Any] = json.loads(file.data)
    assert file.name.endswith(".json") and kept["person"] == f"discord:user/{rig.member.id}"
    assert [report["says"] for report in kept["reports"]] == ["member says so"]
    assert kept["cases"][0]["appeal"] == "mine"
    assert "other says so" not in file.data.decode()
    theirs = json.loads((await command(rig, "export", rig.moderator)).uploads[0].data)
    assert theirs["decisions"] and not theirs["cases"] and not theirs["reports"]


async def test_forgetting_asks_first_and_erases_only_ones_own(rig: Rig) -> None:
    await active(rig)
    before = await rows(rig, rig.other)
    assert before and await rows(rig, rig.member)
    question = await command(rig, "forget")
    assert await rows(rig, rig.member)  # nothing happened yet
    told = await rig.world.answer(await rig.world.click(rig.member, question, "Yes, erase it"))
    assert "is erased" in told.text
    assert await rows(rig, rig.member) == 0
    assert await rows(rig, rig.other) == before
    question = await command(rig, "forget")
    nothing = await rig.world.answer(await rig.world.click(rig.member, question, "Yes, erase it"))
    assert "nothing about you" in nothing.text


async def test_forgetting_takes_the_persons_words_out_of_the_log_channel(rig: Rig) -> None:
    await active(rig)
    case = rig.world.answers(rig.log)[0]
    assert "mine" in case.text and f"<@{rig.member.id}>" in case.text
    question = await command(rig, "forget")
    await rig.world.answer(await rig.world.click(rig.member, question, "Yes, erase it"))
    assert "mine" not in case.text and f"<@{rig.member.id}>" not in case.text
    assert "has had the rest erased" in case.text and not case.components


async def test_whoever_decided_is_only_a_moderator_after_forgetting(rig: Rig) -> None:
    await active(rig)
    shown = rig.world.answers(rig.log)[0]
    assert f"<@{rig.moderator.id}> says" in shown.text
    told = await erased(rig, rig.moderator)
    assert "is erased" in told.text and "could not change" not in told.text
    assert "older than 30 days I can't find again" in told.text  # what it can't do is said too
    assert f"<@{rig.moderator.id}>" not in shown.text and "a moderator says: the verdict is wrong" in shown.text
    assert f"<@{rig.member.id}> appeals: “mine”" in shown.text  # that is another person's
    (case,) = await rig.store.rows("SELECT decision, decided_by FROM cases")
    assert tuple(case) == ("wrong", "someone")
    await erased(rig, rig.admin)
    assert f"discord:user/{rig.admin.id}" not in {row["changed_by"] for row in await rig.store.audit(rig.server)}


async def test_nobody_is_left_in_the_log_of_a_case_that_is_forgotten(rig: Rig) -> None:
    """Its author has not appealed; whoever decided can't be found by it any more."""
    await rig.rule(channels=["*"], log_channel=str(rig.log.id))
    await rig.world.reply(await rig.world.say(rig.member, rig.general, uploads=[upload()]))
    await rig.world.until(lambda: rig.world.answers(rig.log))
    (case,) = rig.world.answers(rig.log)
    ask = await rig.world.click(rig.moderator, case, "Looks right")
    await rig.world.until(lambda: ask.acked and f"<@{rig.moderator.id}>" in case.text)
    await erased(rig, rig.member)
    assert f"<@{rig.moderator.id}>" not in case.text and not case.components


@pytest.mark.parametrize(("gone", "left"), [(True, False), (False, True)])
async def test_what_the_bot_can_not_change_is_said(rig: Rig, gone: bool, left: bool) -> None:
    await active(rig)
    case = rig.world.answers(rig.log)[0]
    if gone:
        case.deleted = True
    else:
        rig.log.denied = Permission.VIEW_CHANNEL
    told = await erased(rig, rig.moderator)
    rig.log.denied = Permission.NONE
    assert ("may still name you: 1. A moderator there can delete them" in told.text) is left
    assert len(rig.world.answers(rig.log)) == (1 if gone else 2)  # nothing is posted anew


async def test_opting_out_and_back_in(rig: Rig) -> None:
    await rig.rule(channels=["*"])
    out = await command(rig, "optout")
    assert "don't check your pictures any more" in out.text
    alone = await rig.world.say(rig.member, rig.general, uploads=[upload(255)])
    checked = await rig.world.say(rig.other, rig.general, uploads=[upload(254)])
    await rig.world.reply(checked)
    await rig.world.until(lambda: not rig.adapter._desk._work)
    assert rig.world.replies(alone) == []
    assert "check your pictures again" in (await rig.world.answer(await rig.world.click(rig.member, out, "again"))).text
    again = await rig.world.say(rig.member, rig.general, uploads=[upload(253)])
    assert await rig.world.reply(again)
    assert "Don't check" in (await command(rig, "optin")).items()[0]["label"]


async def test_an_opt_out_holds_in_every_server_and_survives_forgetting_and_restarts(rig: Rig) -> None:
    await command(rig, "optout")
    question = await command(rig, "forget")
    await rig.world.answer(await rig.world.click(rig.member, question, "Yes, erase it"))
    await rig.restart()
    rig.elsewhere.join(rig.member)
    theirs = await rig.world.say(rig.member, rig.far, uploads=[upload()])
    refused = await rig.world.answer(await rig.world.menu(rig.foreigner, theirs))
    assert "doesn't want it to be checked" in refused.text
    assert "again" in (await command(rig, "privacy")).items()[-1]["label"]


@pytest.mark.parametrize("action", ["Show me everything", "Erase it", "Don't check my pictures"])
async def test_the_buttons_below_the_statement(rig: Rig, action: str) -> None:
    await active(rig)
    statement = await command(rig, "privacy")
    await rig.restart()
    answer = await rig.world.answer(await rig.world.click(rig.member, statement, action))
    assert answer.only_for is rig.member
    expected = {"Show me everything": "Only you can see", "Erase it": "can't be undone"}
    assert expected.get(action, "any more") in answer.text


async def test_it_works_in_direct_messages_and_for_a_stranger(rig: Rig) -> None:
    here = rig.world.direct(rig.stranger)
    for name, part in (("privacy", "What I keep"), ("export", "everything"), ("forget", "can't be undone")):
        answer = await rig.world.answer(await rig.world.slash(rig.stranger, here, f"candid {name}"))
        assert part in answer.text
