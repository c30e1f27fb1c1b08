"""/settings on Telegram: an admin changes each rule by buttons, and nobody else changes anything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.community import Audience, Mode, Rules
from bot.settings import Settings
from bot.wording import say
from tests.adapters.telegram_bot import QUICK, Candid, answered, candid_on, picture, settings_for, with_card
from tests.conftest import FakeDetector
from tests.peers.telegram import Chat, Human, Message, Pace, Press, Telegram


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram(reads_all=True, pace=Pace(group_messages=1000)) as server:
        yield server


PATIENT = replace(QUICK, group_messages=1000)  # these people press faster than a real group may be answered


def panel_on(telegram: Telegram, folder: Path, **parts: Any) -> AbstractAsyncContextManager[Candid]:
    return candid_on(telegram, folder, timings=PATIENT, **parts)


def words(key: str, **values: object) -> str:
    return say(f"telegram.panel.{key}", **values)


async def opened(telegram: Telegram, admin: Human, group: Chat, **fields: Any) -> Message:
    """A new panel."""
    before = len(telegram.answers(group))
    admin.says("/settings", group, **fields)
    return (await answered(telegram, group, before + 1))[-1]


async def press(telegram: Telegram, human: Human, panel: Message, label: str) -> Press:
    """Press the button whose label is, or begins with, `label`, and wait for what it does."""
    found = next(b for b in panel.buttons if b.removeprefix("✓ ").startswith(label))
    pressed, edits = human.presses(panel, found), panel.edits
    await telegram.until(lambda: pressed.answered)
    if not pressed.text:
        await telegram.until(lambda: panel.edits > edits)
    return pressed


async def rules_of(candid: Candid, group: Chat) -> Rules:
    return await candid.community.rules.read(f"telegram:{group.id}")


def begin(key: str) -> str:
    """The beginning of a button of the first page."""
    return words(f"button_{key}", now="~").partition("~")[0]


async def test_every_page_changes_what_it_says(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", admins=(ann,))
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("where", words("everywhere"), {"channels": ("*",)}),
        ("where", words("everywhere"), {"channels": ()}),
        ("where", words("everywhere"), {"channels": ("*",)}),
        ("where", words("nowhere"), {"channels": ()}),
        ("log", words("log_here"), {"log_channel": str(group.id)}),
        *(("mode", words(f"mode_{mode.value}"), {"mode": mode}) for mode in Mode),
        ("log", words("log_off"), {"log_channel": None}),
        ("sensitivity", words("one_in_found", count="1,000", found=21), {"sensitivity": 1000}),
        ("sensitivity", words("one_in_found", count="30", found=61), {"sensitivity": 30}),
        ("sensitivity", words("published"), {"sensitivity": None}),
        ("exempt", words("exempt_admins"), {"exempt_roles": ("admins",)}),
        ("exempt", words("exempt_admins"), {"exempt_roles": ()}),
        ("who", words("who_admins"), {"users": ("admins",)}),
        ("who", words("who_all"), {"users": ()}),
        ("who", words("audience_asker"), {"audience": Audience.ASKER}),
        ("who", words("audience_everyone"), {"audience": Audience.EVERYONE}),
        ("language", "English", {"language": "en"}),
        ("language", words("language_own"), {"language": None}),
        ("limits", words("limit_minute", count=3), {"per_user_per_minute": 3}),
        ("limits", words("limit_day", count="2,000"), {"per_server_per_day": 2000}),
        ("limits", words("limit_minute_none"), {"per_user_per_minute": None}),
        ("limits", words("limit_day_none"), {"per_server_per_day": None}),
        ("appeals", words("no"), {"appeals": False}),
        ("appeals", words("yes"), {"appeals": True}),
    ]
    async with panel_on(telegram, tmp_path, detector=with_card()) as candid:
        panel = await opened(telegram, ann, group)
        for page, label, expected in steps:
            await press(telegram, ann, panel, begin(page))
            assert words(page) in panel.text
            await press(telegram, ann, panel, label)
            rules = await rules_of(candid, group)
            assert {key: getattr(rules, key) for key in expected} == expected, page
            await press(telegram, ann, panel, words("back"))
            assert panel.text == words("main")
        audit = await candid.store.audit(f"telegram:{group.id}")
        await press(telegram, ann, panel, words("close"))
    assert panel.text == words("closed") and not panel.buttons
    assert telegram.answers(group) == [panel]
    assert {row["changed_by"] for row in audit} == {f"telegram:user/{ann.person.id}"}
    assert len(audit) == sum(len(expected) for _, _, expected in steps)
    assert {str(row["key"]) for row in audit} == {key for _, _, expected in steps for key in expected}


async def test_topics_are_chosen_where_the_panel_stands(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", admins=(ann,), forum=True)
    async with panel_on(telegram, tmp_path) as candid:
        panel = await opened(telegram, ann, group, topic=23)
        await press(telegram, ann, panel, begin("where"))
        await press(telegram, ann, panel, words("this_topic"))
        other = await opened(telegram, ann, group, topic=17)
        await press(telegram, ann, other, begin("where"))
        await press(telegram, ann, other, words("this_topic"))
        assert (await rules_of(candid, group)).channels == ("23", "17")
        await press(telegram, ann, other, words("topic", number=23))
        assert (await rules_of(candid, group)).channels == ("17",)
        await press(telegram, ann, panel, words("back"))
        await press(telegram, ann, panel, begin("log"))
        await press(telegram, ann, panel, words("this_topic"))
        assert (await rules_of(candid, group)).log_channel == "23"
        await press(telegram, ann, panel, words("back"))
        await press(telegram, ann, panel, begin("exempt"))
        await press(telegram, ann, panel, words("this_topic"))
        assert (await rules_of(candid, group)).exempt_channels == ("23",)


async def test_nobody_else_changes_anything(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben, dan = telegram.human("Ann"), telegram.human("Ben"), telegram.human("Dan")
    group = telegram.group("Art", ben, admins=(ann,))
    telegram.group("Cats", admins=(dan,))
    no = say("telegram.admins_only")
    async with panel_on(telegram, tmp_path) as candid:
        for human in (ben, dan):  # a member, and a stranger who is an admin elsewhere
            assert (await opened(telegram, human, group)).text == no
        panel = await opened(telegram, ann, group)
        for human in (ben, dan):
            assert (await press(telegram, human, panel, begin("where"))).text == no
            forged = [human.sends_callback(panel, data) for data in ("set:where:all", "set:close:", "set:log:h5")]
            await telegram.until(lambda forged=forged: all(one.answered for one in forged))
            assert {one.text for one in forged} == {no}
        await press(telegram, ann, panel, begin("where"))
        group.status[ann.person.id] = "member"  # and rights count as they are at the press
        assert (await press(telegram, ann, panel, words("everywhere"))).text == no
        private = (ann.says("/settings"), await answered(telegram, ann.chat))[1][0]
        forged_at_home = ann.sends_callback(private, "set:where:all")
        await telegram.until(lambda: forged_at_home.answered)
        assert forged_at_home.text == no
        assert await candid.store.audit(f"telegram:{group.id}") == []
        assert await candid.store.audit(f"telegram:{ann.chat.id}") == []


async def test_data_that_no_button_has(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group, strange = telegram.group("Art", admins=(ann,)), telegram.group("Cats")
    data = (
        "set:x:y",
        "set:mode:shout",
        "set:language:xx",
        "set:where:tfoo",
        f"set:log:h{strange.id}",
        "set:limits:m999999",
    )
    async with panel_on(telegram, tmp_path) as candid:
        panel = await opened(telegram, ann, group)
        pressed = [ann.sends_callback(panel, one) for one in (*data, "set:sensitivity:7", "set:review:1")]
        await telegram.until(lambda: all(one.answered for one in pressed))
        assert all(one.text and one.alert for one in pressed)
        assert await candid.store.audit(f"telegram:{group.id}") == []
        unknown = ann.sends_callback(panel, "set:nonsense")
        await telegram.until(lambda: unknown.answered)


async def test_it_survives_a_restart(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", admins=(ann,))
    async with panel_on(telegram, tmp_path):
        panel = await opened(telegram, ann, group)
        await press(telegram, ann, panel, begin("where"))
        await press(telegram, ann, panel, words("everywhere"))
    async with panel_on(telegram, tmp_path) as candid:
        assert (await rules_of(candid, group)).channels == ("*",)
        await press(telegram, ann, panel, words("everywhere"))
        assert (await rules_of(candid, group)).channels == ()


async def test_a_log_chat_is_chosen_by_a_link(telegram: Telegram, tmp_path: Path) -> None:
    ann, dan = telegram.human("Ann"), telegram.human("Dan")
    group, log = telegram.group("Art", dan, admins=(ann,)), telegram.group("Log", dan, admins=(ann,), bot="left")
    others = telegram.group("Cats", ann, admins=(dan,))
    no = say("telegram.log_not_admin")
    async with panel_on(telegram, tmp_path) as candid:
        panel = await opened(telegram, ann, group)
        await press(telegram, ann, panel, begin("log"))
        link = next(b["url"] for row in panel.keyboard or [] for b in row if b["text"] == words("log_choose"))
        dan.opens(link, others)  # an admin there, but not of the group
        assert (await answered(telegram, others))[-1].text == no
        ann.opens(link, others)  # an admin of the group, but not there
        assert (await answered(telegram, others, 2))[-1].text == no
        assert (await rules_of(candid, group)).log_channel is None
        payload = link.partition("=")[2]
        ann.says(f"/start@candid_bot {payload}", others, anonymous=True)
        assert (await answered(telegram, others, 3))[-1].text == say("telegram.log_anonymous")
        ann.opens(link, log)  # adds the bot there, too
        await telegram.until(lambda: say("telegram.log_chosen", title="Art") in [m.text for m in telegram.answers(log)])
        assert (await rules_of(candid, group)).log_channel == str(log.id)
        dan.says("/start@candid_bot log_nonsense", others)
        assert (await answered(telegram, others, 4))[-1].text == no
        await press(telegram, ann, panel, words("back"))
        assert words("button_log", now=words("log_elsewhere")) in panel.buttons


async def test_a_log_only_mode_needs_a_log_chat(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", admins=(ann,))
    async with panel_on(telegram, tmp_path) as candid:
        panel = await opened(telegram, ann, group)
        await press(telegram, ann, panel, begin("mode"))
        refused = await press(telegram, ann, panel, words("mode_log"))
        assert refused.text == say("community.log-needs-channel")
        assert (await rules_of(candid, group)).mode is Mode.REPLY


async def test_members_are_exempted_by_a_reply(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    group = telegram.group("Art", ben, admins=(ann,))
    async with panel_on(telegram, tmp_path) as candid:
        talk = ben.says("hello", group)
        ben.says("/exempt", group, reply_to=talk)
        ann.says("/exempt", group)
        ann.says("/exempt", group, reply_to=talk)
        texts = {message.text for message in await answered(telegram, group, 3)}
        assert texts == {
            say("telegram.admins_only"),
            say("telegram.exempt_how"),
            say("telegram.exempt_on", name="Ben"),
        }
        assert (await rules_of(candid, group)).exempt_users == (f"telegram:user/{ben.person.id}",)
        panel = await opened(telegram, ann, group)
        await press(telegram, ann, panel, begin("exempt"))
        await press(telegram, ann, panel, "Ben")
        assert (await rules_of(candid, group)).exempt_users == ()
        ann.says("/exempt", group, reply_to=talk, anonymous=True)
        await telegram.until(lambda: telegram.answers(group)[-1].text == say("telegram.exempt_on", name="Ben"))
        by = [row["changed_by"] for row in await candid.store.audit(f"telegram:{group.id}")]
        assert by == [*[f"telegram:user/{ann.person.id}"] * 2, f"telegram:user/{group.id}"]


async def test_a_linked_channel_is_exempted_by_a_reply_to_its_post(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    group, channel = telegram.group("Art", ben, admins=(ann,), forum=True), telegram.group("Art daily")
    by_channel = {
        "from": {"id": 777000, "is_bot": False, "first_name": "Telegram"},
        "sender_chat": channel.json() | {"type": "channel"},
        "is_automatic_forward": True,
    }
    async with panel_on(telegram, tmp_path) as candid:
        await candid.community.rules.change(f"telegram:{group.id}", "test", channels=["*"])
        posted = ben.photo(picture(250), group, service=by_channel)
        await answered(telegram, group)
        ann.says("/exempt", group, reply_to=posted)
        assert (await answered(telegram, group, 2))[1].text == say("telegram.exempt_on", name="Art daily")
        assert (await rules_of(candid, group)).exempt_users == (f"telegram:user/{channel.id}",)
        ben.photo(picture(251), group, service=by_channel)
        panel = await opened(telegram, ann, group)
        await press(telegram, ann, panel, begin("exempt"))
        assert "✓ Art daily" in panel.buttons
        own = ann.says("hello", group, anonymous=True)
        begins = ben.says("", group, service={"forum_topic_created": {"name": "News", "icon_color": 7322096}})
        for nobody in (own, begins):
            ann.says("/exempt", group, reply_to=nobody)
        assert [m.text for m in (await answered(telegram, group, 5))[3:]] == [say("telegram.exempt_how")] * 2
        await asyncio.sleep(0.3)
        assert len([m for m in telegram.answers(group) if say("verdict.title-ai") in m.text]) == 1


async def test_who_was_an_admin_a_moment_ago_exempts_nobody(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    group = telegram.group("Art", ben, admins=(ann,))
    async with panel_on(telegram, tmp_path) as candid:
        talk = ben.says("hello", group)
        await opened(telegram, ann, group)
        group.status[ann.person.id] = "member"
        ann.says("/exempt", group, reply_to=talk)
        await telegram.until(lambda: telegram.answers(group)[-1].text == say("telegram.admins_only"))
        assert (await rules_of(candid, group)).exempt_users == ()


def reviewing(telegram: Telegram, folder: Path) -> Settings:
    settings = settings_for(telegram)
    return replace(settings, review=replace(settings.review, directory=str(folder / "review")))


async def test_keeping_pictures_to_learn_is_announced(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", admins=(ann,))
    async with panel_on(telegram, tmp_path) as candid:  # whoever runs this one keeps no pictures
        assert not any(label.startswith(begin("review")) for label in (await opened(telegram, ann, group)).buttons)
    async with panel_on(telegram, tmp_path, settings=reviewing(telegram, tmp_path)) as candid:
        panel = await opened(telegram, ann, group)
        await press(telegram, ann, panel, begin("review"))
        await press(telegram, ann, panel, words("yes"))
        announced = (await answered(telegram, group, 3))[2].text
        days = candid.community.review.keep_days
        assert say("community.review-on", days=days) in announced and "/optout" in announced
        await telegram.until(lambda: say("community.review-needs-log") in panel.text)
        assert (await rules_of(candid, group)).review
        again = ann.presses(panel, "✓ " + words("yes"))  # it was on already
        await telegram.until(lambda: again.answered)
        await press(telegram, ann, panel, words("no"))
        assert (await answered(telegram, group, 4))[3].text == say("community.review-off")
        await asyncio.sleep(0.1)
        assert len(telegram.answers(group)) == 4


async def test_review_does_not_begin_where_nobody_can_be_told(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", admins=(ann,))
    async with panel_on(telegram, tmp_path, settings=reviewing(telegram, tmp_path)) as candid:
        panel = await opened(telegram, ann, group)
        await press(telegram, ann, panel, begin("review"))
        group.status[telegram.world.bot.id] = "kicked"
        pressed = ann.presses(panel, words("yes"))
        await telegram.until(lambda: pressed.answered)
        assert pressed.text == say("community.review-untold")
        assert not (await rules_of(candid, group)).review


async def test_what_a_file_has_set_is_shown_among_the_limits(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", admins=(ann,))
    async with panel_on(telegram, tmp_path) as candid:
        by_file = {"per_user_per_minute": 2.5, "per_server_per_day": 1234}
        await candid.community.rules.change(f"telegram:{group.id}", "test", **by_file)
        ann.photo(picture(250), group, "/check")
        await answered(telegram, group)
        panel = await opened(telegram, ann, group)
        await press(telegram, ann, panel, begin("limits"))
        assert say("community.quota-used", used=1, most="1,234") in panel.text
        chosen = [label for label in panel.buttons if label.startswith("✓")]
        assert chosen == ["✓ " + words("limit_minute", count="2.5"), "✓ " + words("limit_day", count="1,234")]
        other = ann.presses(panel, chosen[0])  # it is so already
        await telegram.until(lambda: other.answered)
        assert not other.text
        await press(telegram, ann, panel, words("limit_day", count="500"))
        assert (await rules_of(candid, group)) == Rules(per_user_per_minute=2.5, per_server_per_day=500)


async def test_what_the_bot_can_not_see_is_said(telegram: Telegram, tmp_path: Path) -> None:
    telegram.world.reads_all = False
    ann = telegram.human("Ann")
    group = telegram.group("Art", admins=(ann,))
    async with panel_on(telegram, tmp_path, detector=FakeDetector()):
        panel = await opened(telegram, ann, group)
        assert say("telegram.privacy_mode") not in panel.text
        await press(telegram, ann, panel, begin("where"))
        await press(telegram, ann, panel, words("everywhere"))
        assert say("telegram.privacy_mode") in panel.text
        ann.invites_bot(group, "administrator")
        await asyncio.sleep(0.1)
        await press(telegram, ann, panel, words("back"))
        assert say("telegram.privacy_mode") not in panel.text
        await press(telegram, ann, panel, begin("sensitivity"))  # this model has no curve
        assert panel.text == words("sensitivity_none")
        photo = ann.photo(picture(250), group)
        await telegram.until(lambda: any(m.reply_to is photo for m in telegram.answers(group)))
