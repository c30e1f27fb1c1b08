"""Whose picture is judged when, and together with which: over bugs, crowds and a change of model."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.core import Asker, Checker, Picture
from bot.errors import TryLater
from bot.limits import Lane
from bot.settings import ChecksSettings
from bot.store import Store
from bot.verdict import Label
from model.views import Views
from tests.checker_rig import ANNA, BEN, ask, occupy, one_decoder, running, until
from tests.conftest import FakeDetector, make_picture


class TestBugs:
    async def test_one_in_decoding_fails_that_picture_alone(
        self, checker: Checker, detector: FakeDetector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        views = detector.views

        def fail_on_squares(pixels: NDArray[np.uint8]) -> Views:
            if pixels.shape[0] == 64:
                raise ZeroDivisionError("a bug")
            return views(pixels)

        monkeypatch.setattr(detector, "views", fail_on_squares)
        sides = [96, 64, 80, 64, 72]
        asks = [ask(checker, make_picture(side=side, seed=seed)) for seed, side in enumerate(sides)]
        outcomes = await asyncio.gather(*asks, return_exceptions=True)
        assert [isinstance(outcome, ZeroDivisionError) for outcome in outcomes] == [side == 64 for side in sides]
        assert (await checker.check(Picture(make_picture(seed=9)), ANNA)).label is Label.AI

    async def test_one_in_the_network_fails_that_picture_alone(
        self, checks: ChecksSettings, detector: FakeDetector, store: Store
    ) -> None:
        def fail_on_dark(pictures: Sequence[Views]) -> None:
            if any(picture.pixels.mean() < 50 for picture in pictures):
                raise FloatingPointError("a bug")

        async with running(replace(checks, batch=8, decode_threads=2), detector, store) as checker:
            detector.seen = fail_on_dark
            await occupy(checker, detector)
            shades = [200, 200, 200, 30, 200, 200]
            asks = [ask(checker, make_picture(shade, seed=seed)) for seed, shade in enumerate(shades)]
            await until(lambda: len(checker._judge._batcher._waiting) == len(shades))
            detector.gate.set()
            outcomes = await asyncio.gather(*asks, return_exceptions=True)
            assert [isinstance(outcome, FloatingPointError) for outcome in outcomes] == [
                shade == 30 for shade in shades
            ]
            assert (await checker.check(Picture(make_picture(seed=9)), ANNA)).label is Label.AI

    async def test_a_detector_that_gives_too_few_scores_is_one_too(
        self, checker: Checker, detector: FakeDetector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(detector, "judge", lambda pictures: [])
            with pytest.raises(RuntimeError, match="0 scores for 1"):
                await checker.check(Picture(make_picture()), ANNA)
        assert (await checker.check(Picture(make_picture()), ANNA)).label is Label.AI


class TestBatches:
    async def test_what_waits_is_judged_together_and_nothing_waits_for_more(
        self, checks: ChecksSettings, detector: FakeDetector, store: Store
    ) -> None:
        async with running(replace(checks, batch=4, decode_threads=2), detector, store) as checker:
            first = await occupy(checker, detector)
            asks = [ask(checker, make_picture(seed=seed)) for seed in range(20)]
            await until(
                lambda: len(checker._judge._batcher._waiting) == 9
            )  # and one in the network: ten have their turn
            detector.gate.set()
            await asyncio.gather(first, *asks)
        assert detector.passes[:3] == [1, 4, 4]
        assert sum(detector.passes) == 21
        assert max(detector.passes) == 4

    async def test_a_detector_that_takes_fewer_is_given_fewer(self, checks: ChecksSettings, store: Store) -> None:
        detector = FakeDetector(max_pictures=2)
        async with running(replace(checks, batch=8), detector, store) as checker:
            await asyncio.gather(*(ask(checker, make_picture(seed=seed)) for seed in range(12)))
        assert max(detector.passes) <= 2

    async def test_the_network_runs_in_one_thread_and_never_on_the_event_loop(
        self, checker: Checker, detector: FakeDetector
    ) -> None:
        threads: set[int] = set()
        detector.seen = lambda pictures: threads.add(threading.get_ident())
        await asyncio.gather(*(ask(checker, make_picture(seed=seed)) for seed in range(12)))
        assert len(threads) == 1
        assert threading.get_ident() not in threads


class TestFairness:
    async def test_a_single_picture_does_not_wait_for_another_chats_album(
        self, checks: ChecksSettings, detector: FakeDetector, store: Store
    ) -> None:
        async with running(one_decoder(checks), detector, store) as checker:
            detector.gate.clear()
            finished: list[str] = []

            async def visit(name: str, data: bytes, asker: Asker) -> None:
                await checker.check(Picture(data), asker)
                finished.append(name)

            album = [asyncio.create_task(visit("album", make_picture(seed=n), ANNA)) for n in range(30)]
            await until(lambda: len(checker._judge._turns) == 27)
            single = asyncio.create_task(visit("single", make_picture(seed=99), BEN))
            await until(lambda: len(checker._judge._turns) == 28)
            detector.gate.set()
            await asyncio.gather(*album, single)
        assert finished.index("single") <= 5

    async def test_a_picture_of_anothers_album_gets_the_better_of_two_places(
        self, checks: ChecksSettings, detector: FakeDetector, store: Store
    ) -> None:
        async with running(one_decoder(checks), detector, store) as checker:
            detector.gate.clear()
            finished: list[str] = []

            async def visit(name: str, seed: int, asker: Asker) -> None:
                await checker.check(Picture(make_picture(seed=seed)), asker)
                finished.append(name)

            album = [asyncio.create_task(visit("album", seed, ANNA)) for seed in range(30)]
            await until(lambda: len(checker._judge._turns) == 27)
            single = asyncio.create_task(visit("single", 29, BEN))  # the last one of the album
            await until(lambda: any(flight.waiting == 2 for flight in checker._flights.values()))
            assert len(checker._judge._turns) == 27, "one picture waits once"
            detector.gate.set()
            await asyncio.gather(*album, single)
        assert finished.index("single") <= 6
        assert len(finished) == 31

    async def test_a_person_does_not_wait_for_what_nobody_asked_for(
        self, checks: ChecksSettings, detector: FakeDetector, store: Store
    ) -> None:
        async with running(one_decoder(checks), detector, store) as checker:
            detector.gate.clear()
            finished: list[str] = []

            async def visit(name: str, seed: int, asker: Asker, lane: Lane) -> None:
                await checker.check(Picture(make_picture(seed=seed)), asker, lane)
                finished.append(name)

            askers = [Asker(f"web:{n}", f"{n}") for n in range(30)]
            unasked = [asyncio.create_task(visit("unasked", n, askers[n], Lane.AUTOMATIC)) for n in range(30)]
            await until(lambda: len(checker._judge._turns) == 27)
            asked = [asyncio.create_task(visit("asked", 90 + n, BEN, Lane.PERSON)) for n in range(3)]
            await until(lambda: len(checker._judge._turns) == 30)
            detector.gate.set()
            await asyncio.gather(*unasked, *asked)
        assert [place for place, name in enumerate(finished) if name == "asked"][-1] <= 9

    async def test_too_many_at_once_are_told_when_to_come_again(
        self, checks: ChecksSettings, detector: FakeDetector, store: Store
    ) -> None:
        async with running(one_decoder(checks, queue=8), detector, store) as checker:
            detector.gate.clear()
            asks = [ask(checker, make_picture(seed=n), Asker(f"web:{n}", "x")) for n in range(11)]
            await until(lambda: len(checker._judge._turns) == 8)
            with pytest.raises(TryLater) as refused:
                await checker.check(Picture(make_picture(seed=99)), BEN)
            assert refused.value.seconds >= 1
            detector.gate.set()
            assert len(await asyncio.gather(*asks)) == 11

    async def test_limits_hold_for_known_pictures_too(self, checks: ChecksSettings, store: Store) -> None:
        limited = replace(checks, per_user_burst=2, per_user_per_minute=0.01)
        async with running(limited, FakeDetector(), store) as checker:
            data = make_picture()
            for _ in range(2):
                await checker.check(Picture(data), ANNA)
            with pytest.raises(TryLater, match="minutes"):
                await checker.check(Picture(data), ANNA)
            await checker.check(Picture(data), BEN)


class TestReplacing:
    async def test_nothing_is_dropped_and_who_prepared_a_picture_judges_it(
        self, checks: ChecksSettings, store: Store
    ) -> None:
        old, new = FakeDetector("old"), FakeDetector("new")
        async with running(replace(checks, batch=2, decode_threads=1), old, store) as checker:
            first = await occupy(checker, old)
            asks = [first, *(ask(checker, make_picture(seed=seed)) for seed in range(19))]
            await until(lambda: len(checker._judge._batcher._waiting) == 4)
            checker.replace_detector(new)
            assert checker.model.version == "new"
            old.gate.set()
            verdicts = await asyncio.gather(*asks)
        assert [verdict.model for verdict in verdicts] == ["old"] * 5 + ["new"] * 15
        assert sum(old.passes) == 5
        assert sum(new.passes) == 15
