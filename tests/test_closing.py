"""A Checker that closes finishes what it accepted, and tells the rest to come again."""

import asyncio

import pytest

from bot.core import Checker, Picture
from bot.errors import TryLater
from bot.metrics import Metrics
from bot.settings import ChecksSettings
from bot.store import Store
from bot.verdict import Label
from tests.checker_rig import BEN, ask, one_decoder, until
from tests.conftest import FakeDetector, make_picture


class TestClosing:
    async def test_what_was_accepted_is_finished_and_nothing_new_is_taken(
        self, checks: ChecksSettings, detector: FakeDetector, store: Store
    ) -> None:
        checker = Checker(one_decoder(checks), detector, store, Metrics())
        await checker.start()
        detector.gate.clear()
        asks = [ask(checker, make_picture(seed=seed)) for seed in range(10)]
        await until(lambda: len(checker._judge._turns) == 7)
        closing = asyncio.create_task(checker.close(30))
        await asyncio.sleep(0)
        with pytest.raises(TryLater, match="restarted"):
            await checker.check(Picture(make_picture(seed=99)), BEN)
        assert not closing.done()
        detector.gate.set()
        await closing
        assert [task.done() for task in asks] == [True] * 10
        assert {task.result().label for task in asks} == {Label.AI}

    async def test_what_is_not_finished_in_time_is_told_to_come_again(
        self, checks: ChecksSettings, detector: FakeDetector, store: Store
    ) -> None:
        checker = Checker(one_decoder(checks), detector, store, Metrics())
        await checker.start()
        detector.gate.clear()
        data = make_picture()
        asks = [ask(checker, data), *(ask(checker, make_picture(seed=seed)) for seed in range(10))]
        just_accepted = ask(checker, data)
        await until(lambda: len(checker._judge._turns) == 7)
        await checker.close(0)
        outcomes = await asyncio.gather(*asks, just_accepted, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [TryLater] * 12
        detector.gate.set()
        await checker.close(0)  # twice does no harm

    async def test_one_who_is_being_hashed_when_time_is_up_is_told_too(
        self, checks: ChecksSettings, detector: FakeDetector, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checker = Checker(checks, detector, store, Metrics())
        await checker.start()
        hashing = asyncio.Event()

        async def slow_find(sha256: str, model: str) -> None:
            await hashing.wait()

        monkeypatch.setattr(checker._verdicts, "find", slow_find)
        asked = ask(checker, make_picture())
        await asyncio.sleep(0.02)
        await checker.close(0)
        hashing.set()
        with pytest.raises(TryLater):
            await asked
        assert detector.passes == []

    async def test_it_can_be_closed_without_having_been_started(
        self, checks: ChecksSettings, detector: FakeDetector, store: Store
    ) -> None:
        await Checker(checks, detector, store, Metrics()).close(1)
