"""The number that a person is told finds every line of the log about the request, whichever door it came in by."""

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import bot.evidence
from bot.logs import OURS, LineFormatter, start_logging
from bot.settings import LogSettings
from bot.wording import say
from tests.adapters.discord_rig import Rig, upload
from tests.adapters.telegram_bot import answered, candid_on, picture
from tests.checker_rig import until
from tests.conftest import FakeDetector, make_picture
from tests.peers.telegram import Telegram


class Log:
    """The log as JSON."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def about(self, number: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line.get("request") == number]

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    root, hook = logging.getLogger(), sys.excepthook
    level, log = root.level, Log()
    start_logging(LogSettings("json", "info"), (), log.stream)
    yield log
    sys.excepthook = hook
    logging.captureWarnings(False)
    root.setLevel(level)
    for handler in [one for one in root.handlers if isinstance(one.formatter, LineFormatter)]:
        root.removeHandler(handler)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(autouse=True)
def _metadata_that_can_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a thread of the Checker has something to log about each picture."""

    def fail(*args: object) -> None:
        raise LookupError("nothing to see")

    monkeypatch.setattr(bot.evidence, "_read", fail)


def fail(*pictures: Any) -> None:
    raise KeyError("the network broke")


def number_in(text: str) -> str:
    (number,) = re.findall(r"\b[0-9a-f]{8}\b", text)
    return str(number)


def assert_all_of_it(log: Log, number: str) -> None:
    lines = log.about(number)
    assert lines[0]["from"] == "evidence"  # in a thread, before the network
    assert lines[-1]["bug"] == number and "the network broke" in lines[-1]["trace"]
    assert all(line["bug"] == line.get("request") for line in log.lines() if line.get("error") == "KeyError")


async def test_the_page(web_client: aiohttp.ClientSession, detector: FakeDetector, log: Log) -> None:
    detector.seen = fail
    numbers = []
    for seed in range(2):
        async with web_client.post("/api/check", data=make_picture(seed=seed)) as response:
            answer = await response.json()
            assert response.status == 500 and answer["bug"] in answer["text"]
            numbers.append(answer["bug"])
    assert len(set(numbers)) == 2
    for number in numbers:
        assert [line["from"] for line in log.about(number)] == ["evidence", "web"]


async def test_people_who_ask_at_once_do_not_share_one(
    web_client: aiohttp.ClientSession, detector: FakeDetector, log: Log
) -> None:
    async def ask(seed: int) -> str:
        async with web_client.post("/api/check", data=make_picture(seed=seed)) as response:
            return str((await response.json())["bug"])

    detector.seen = fail
    numbers = await asyncio.gather(*(ask(seed) for seed in range(12)))
    assert len(set(numbers)) == 12
    for number in numbers:
        assert sorted(line["from"] for line in log.about(number)) == ["evidence", "web"]


async def test_a_message_and_a_command_of_discord(tmp_path: Path, log: Log) -> None:
    async with Rig(tmp_path) as rig:
        await rig.start()
        rig.detector.seen = fail
        asked = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(255)])
        first = number_in((await rig.world.reply(asked)).text)
        assert_all_of_it(log, first)
        request = await rig.world.slash(rig.member, rig.general, "check", image=upload(250))
        second = number_in((await rig.world.answer(request)).text)
        assert_all_of_it(log, second)
        assert first != second


async def test_a_request_has_the_same_number_after_a_restart(
    tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Rig(tmp_path) as rig:
        await rig.start()
        waiting = asyncio.Event()

        async def wait(*args: object) -> None:
            logging.getLogger("bot").info("before the crash")
            waiting.set()
            await asyncio.sleep(3600)

        monkeypatch.setattr(rig.checker, "check", wait)
        asked = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(255)])
        await waiting.wait()
        await rig.crash()
        await rig.prepare()
        rig.detector.seen = fail
        await rig.start()
        number = number_in((await rig.world.reply(asked)).text)
    lines = log.about(number)
    assert lines[0]["message"] == "before the crash" and lines[-1]["bug"] == number


async def test_a_button_of_discord(tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Rig(tmp_path) as rig:
        await rig.start()
        monkeypatch.setattr(rig.detector, "explain", fail)
        asked = await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(255)])
        answer = await rig.world.reply(asked)
        pressed = await rig.world.click(rig.other, answer, "Why?")
        number = number_in((await rig.world.answer(pressed)).text)
    assert log.about(number)[-1]["bug"] == number and "the network broke" in log.about(number)[-1]["trace"]


async def test_an_automatic_check_of_discord(tmp_path: Path, log: Log) -> None:
    async with Rig(tmp_path, message_content=True) as rig:
        rig.world.portal_message_content = True
        await rig.start()
        await rig.rule(channels=["*"], mode="reply")
        rig.detector.seen = fail
        await rig.world.say(rig.member, rig.general, "look", uploads=[upload(255)])
        await until(lambda: any("KeyError" in str(line) for line in log.lines()))
    assert_all_of_it(log, log.lines()[-1]["request"])


async def test_a_message_of_telegram(tmp_path: Path, log: Log) -> None:
    async with Telegram() as telegram:
        ann, detector = telegram.human("Ann"), FakeDetector()
        async with candid_on(telegram, tmp_path, detector=detector):
            detector.seen = fail
            ann.photo(picture(250))
            [answer] = await answered(telegram, ann.chat)
    assert_all_of_it(log, number_in(answer.text))


async def test_a_command_and_a_button_of_telegram(tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Telegram() as telegram:
        ann, detector = telegram.human("Ann"), FakeDetector()
        group = telegram.group("Art", ann)
        async with candid_on(telegram, tmp_path, detector=detector):
            monkeypatch.setattr(detector, "explain", fail)
            ann.photo(picture(250), group, "/check")
            [answer] = await answered(telegram, group)
            press = ann.presses(answer, say("telegram.why"))
            await until(lambda: any("KeyError" in str(line) for line in log.lines()))
            await telegram.until(lambda: press.answered)
            line = log.lines()[-1]
            assert line["bug"] == line["request"] and line["request"] in press.text
            detector.seen = fail
            ann.photo(picture(10), group, "/check")
            number = number_in((await answered(telegram, group, 2))[1].text)
    assert number != line["request"]
    assert log.about(number)[-1]["bug"] == number


async def test_an_automatic_check_of_telegram(tmp_path: Path, log: Log) -> None:
    async with Telegram(reads_all=True) as telegram:
        ann, detector = telegram.human("Ann"), FakeDetector()
        group = telegram.group("Art", ann)
        async with candid_on(telegram, tmp_path, detector=detector) as candid:
            await candid.community.rules.change(f"telegram:{group.id}", "test", channels=["*"], mode="reply")
            detector.seen = fail
            ann.photo(picture(250), group)
            await until(lambda: any("KeyError" in str(line) for line in log.lines()))
    assert_all_of_it(log, next(line["request"] for line in log.lines() if "KeyError" in str(line)))
