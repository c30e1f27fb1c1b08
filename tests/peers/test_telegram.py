"""The loopback Telegram enforces what the real one enforces (seen from a bare HTTP client)."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from PIL import Image

from tests.peers.telegram import Pace, Telegram, Trouble


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram() as server:
        yield server


async def call(telegram: Telegram, method: str, **params: Any) -> Any:
    url = f"{telegram.url}{telegram.token}/{method}"
    async with aiohttp.ClientSession() as session, session.post(url, json=params) as response:
        body = await response.json()
        return body.get("result") if response.status == 200 else (response.status, body["description"])


def png(width: int = 2000, height: int = 1000) -> bytes:
    out = io.BytesIO()
    picture = Image.effect_noise((width, height), 40).convert("RGB")
    exif = Image.Exif()
    exif[0x0131] = "a paint program"
    picture.save(out, "PNG", exif=exif)
    return out.getvalue()


async def test_updates_come_again_until_their_offset_confirms_them(telegram: Telegram) -> None:
    human = telegram.human("Ann")
    human.says("one")
    human.says("two")
    first = await call(telegram, "getUpdates")
    assert first == await call(telegram, "getUpdates")
    rest = await call(telegram, "getUpdates", offset=first[0]["update_id"] + 1)
    assert [u["message"]["text"] for u in rest] == ["two"]
    assert await call(telegram, "getUpdates", offset=-1) == rest


async def test_a_held_poll_returns_when_something_happens(telegram: Telegram) -> None:
    human = telegram.human("Ann")
    poll = asyncio.create_task(call(telegram, "getUpdates", timeout=20))
    await telegram.until(lambda: telegram.updates.polled_now)
    human.says("hello")
    assert [u["message"]["text"] for u in await poll] == ["hello"]


async def test_a_second_poller_ends_the_first(telegram: Telegram) -> None:
    first = asyncio.create_task(call(telegram, "getUpdates", timeout=20))
    await telegram.until(lambda: telegram.updates.polled_now)
    assert await call(telegram, "getUpdates") == []
    status, words = await first
    assert status == 409 and "terminated by other getUpdates request" in words


async def test_kinds_that_nobody_asked_for_are_not_queued(telegram: Telegram) -> None:
    human = telegram.human("Ann")
    await call(telegram, "getUpdates", allowed_updates=["callback_query"])
    human.says("hello")
    assert await call(telegram, "getUpdates") == []


async def test_a_photo_is_recompressed_and_a_file_keeps_its_bytes(telegram: Telegram) -> None:
    human, data = telegram.human("Ann"), png()
    human.photo(data)
    human.file(data)
    photo, file = [u["message"] for u in await call(telegram, "getUpdates")]
    assert [(p["width"], p["height"]) for p in photo["photo"]] == [(90, 45), (320, 160), (800, 400), (1280, 640)]
    entry = await call(telegram, "getFile", file_id=photo["photo"][-1]["file_id"])
    stored = telegram.files.at(entry["file_path"])
    assert stored
    picture = Image.open(io.BytesIO(stored.data))
    assert picture.format == "JPEG" and not picture.getexif()
    entry = await call(telegram, "getFile", file_id=file["document"]["file_id"])
    url = f"{telegram.file_url}{telegram.token}/{entry['file_path']}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert await response.read() == data


async def test_files_over_20_mb_are_refused(telegram: Telegram) -> None:
    telegram.human("Ann").file(b"much", size=20 * 2**20 + 1)
    [update] = await call(telegram, "getUpdates")
    answer = await call(telegram, "getFile", file_id=update["message"]["document"]["file_id"])
    assert answer == (400, "Bad Request: file is too big")


async def test_privacy_mode_hides_what_is_not_meant_for_the_bot(telegram: Telegram) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    photo = ann.photo(png(200, 100), group)
    ann.says("nice", group)
    ann.says("/check", group, reply_to=photo)
    ann.says("/check@other_bot", group, reply_to=photo)
    ann.says("hey @candid_bot", group)
    seen = [u["message"] for u in await call(telegram, "getUpdates")]
    assert [m["text"] for m in seen] == ["/check", "hey @candid_bot"]
    assert seen[0]["reply_to_message"]["photo"]
    telegram.world.reads_all = True
    ann.says("nice", group)
    assert len(await call(telegram, "getUpdates")) == 3


async def test_refusals_use_telegrams_words(telegram: Telegram) -> None:
    ann = telegram.human("Ann")
    sent = await call(telegram, "sendMessage", chat_id=ann.chat.id, text="hi")
    number = sent["message_id"]

    async def edit(**params: Any) -> Any:
        return (await call(telegram, "editMessageText", chat_id=ann.chat.id, **params))[1]

    assert "is not modified" in await edit(message_id=number, text="hi")
    assert "message to edit not found" in await edit(message_id=999, text="hi")
    answer = await call(telegram, "sendMessage", chat_id=ann.chat.id, text="hi", reply_parameters={"message_id": 999})
    assert answer == (400, "Bad Request: message to be replied not found")
    assert await call(telegram, "sendMessage", chat_id=5, text="hi") == (400, "Bad Request: chat not found")
    answer = await call(telegram, "answerCallbackQuery", callback_query_id="x")
    assert "query is too old" in answer[1]
    ann.blocks()
    answer = await call(telegram, "sendMessage", chat_id=ann.chat.id, text="hi")
    assert answer == (403, "Forbidden: bot was blocked by the user")
    telegram.revoked = True
    assert await call(telegram, "getMe") == (401, "Unauthorized")


async def test_a_group_takes_twenty_messages_a_minute() -> None:
    async with Telegram(pace=Pace(group_messages=2, group_seconds=60)) as telegram:
        group = telegram.group("Art", telegram.human("Ann"))
        answers = [await call(telegram, "sendMessage", chat_id=group.id, text="hi") for _ in range(3)]
        assert answers[2] == (429, "Too Many Requests: retry after 30")


async def test_faults_happen_to_the_chosen_method_only(telegram: Telegram) -> None:
    telegram.faults.add("sendMessage", Trouble.RESET)
    assert await call(telegram, "getMe")
    with pytest.raises(aiohttp.ClientError):
        await call(telegram, "sendMessage", chat_id=telegram.human("Ann").chat.id, text="hi")
    assert not telegram.answers()


async def test_a_bot_sends_photos_and_files(telegram: Telegram) -> None:
    ann = telegram.human("Ann")
    url = f"{telegram.url}{telegram.token}/"
    async with aiohttp.ClientSession() as session:
        for method, field in (("sendPhoto", "photo"), ("sendDocument", "document")):
            form = aiohttp.FormData({"chat_id": str(ann.chat.id), "caption": "x" * 1024})
            form.add_field(field, png(200, 100), filename="a.png", content_type="image/png")
            async with session.post(url + method, data=form) as response:
                assert response.status == 200, await response.text()
            form = aiohttp.FormData({"chat_id": str(ann.chat.id), "caption": "x" * 1025})
            form.add_field(field, png(200, 100), filename="a.png", content_type="image/png")
            async with session.post(url + method, data=form) as response:
                assert "caption is too long" in (await response.json())["description"]
    assert [m.media.kind for m in telegram.answers(ann.chat) if m.media] == ["photo", "document"]


async def test_reactions_are_those_that_telegram_and_the_group_allow(telegram: Telegram) -> None:
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    message = ann.says("hello", group)

    async def react(*symbols: str, number: int = message.id) -> Any:
        reaction = [{"type": "emoji", "emoji": symbol} for symbol in symbols]
        return await call(telegram, "setMessageReaction", chat_id=group.id, message_id=number, reaction=reaction)

    assert await react("👾") is True and message.reaction == "👾"
    assert await react("🤖") == await react("👾", "👌") == (400, "Bad Request: REACTION_INVALID")
    assert await react("👌", number=99) == (400, "Bad Request: message to react not found")
    group.reactions = frozenset("👍")
    assert await react("👌") == (400, "Bad Request: REACTION_INVALID")
    assert await react() is True and message.reaction == ""


async def test_an_ephemeral_message_needs_a_fresh_press_or_an_admin(telegram: Telegram) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    group = telegram.group("Art", ann, ben)
    keyboard = {"inline_keyboard": [[{"text": "why", "callback_data": "why"}]]}
    await call(telegram, "sendMessage", chat_id=group.id, text="hi", reply_markup=keyboard)
    press = ann.presses(telegram.answers(group)[0], "why")

    async def whisper(**parameters: Any) -> Any:
        parameters = {"receiver_user_id": ann.person.id, **parameters}
        return await call(
            telegram, "sendMessage", chat_id=group.id, text="psst", ephemeral_message_parameters=parameters
        )

    sent = await whisper(callback_query_id=press.id)
    assert [m.text for m in telegram.whispers(ann, group)] == ["psst"] and not telegram.whispers(ben, group)
    edit = {"chat_id": group.id, "receiver_user_id": ann.person.id, "text": "hush"}
    number = sent["ephemeral_message_id"]
    assert await call(telegram, "editEphemeralMessageText", ephemeral_message_id=number, **edit) is True
    assert [m.text for m in telegram.whispers(ann, group)] == ["hush"]
    assert (await call(telegram, "editEphemeralMessageText"))[0] == 400
    press.pressed -= 60
    assert (await whisper(callback_query_id=press.id))[0] == 400
    group.status[telegram.world.bot.id] = "administrator"
    assert await whisper()
    telegram.world.ephemeral = False  # an older Bot API shows it to everybody
    assert await call(telegram, "editEphemeralMessageText") == (404, "Not Found")
    await whisper()
    assert len(telegram.answers(group)) == 2


async def test_a_bot_writes_only_to_those_who_have_started_it(telegram: Telegram) -> None:
    cy = telegram.human("Cy", started=False)
    answer = await call(telegram, "sendMessage", chat_id=cy.chat.id, text="hi")
    assert answer == (403, "Forbidden: bot can't initiate conversation with a user")
    started = cy.opens("https://t.me/candid_bot?start=why_1")
    assert started.text == "/start why_1"
    assert await call(telegram, "sendMessage", chat_id=cy.chat.id, text="hi")
    group = telegram.group("Art", admins=(cy,), bot="left")
    assert cy.opens("https://t.me/candid_bot?startgroup=log_1", group).text == "/start@candid_bot log_1"
    assert group.status[telegram.world.bot.id] == "member"
