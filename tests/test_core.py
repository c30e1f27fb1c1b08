"""The Checker: one verdict a picture, whoever asks how often, over bugs, cancellations and a change of model."""

import asyncio
import io
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot.core import Asker, Checker, Picture
from bot.decision import DECLARED_CONFIDENCE, SIGNED_CONFIDENCE, decide
from bot.errors import Refusal, TryLater
from bot.evidence import kinds
from bot.limits import REPORTS_A_DAY, Lane
from bot.metrics import Metrics
from bot.settings import ChecksSettings
from bot.store import DAY, Store
from bot.verdict import Arrival, Bands, Basis, Finding, Label, Strength, Verdict
from model.detector import Score
from model.views import Views
from tests.conftest import FakeDetector, make_picture

ANNA = Asker("discord:guild/1", "discord:user/1")
BEN = Asker("telegram:chat/2", "telegram:user/2")


@asynccontextmanager
async def running(
    checks: ChecksSettings, detector: Any, store: Store, metrics: Metrics | None = None
) -> AsyncIterator[Checker]:
    checker = Checker(checks, detector, store, metrics or Metrics())
    await checker.start()
    try:
        yield checker
    finally:
        detector.gate.set()
        await checker.close(10)


async def until(true: Callable[[], object]) -> None:
    """Wait until something happens that happens soon."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  anything can be waited for in this way
            await asyncio.sleep(0.002)


def ask(checker: Checker, data: bytes, asker: Asker = ANNA) -> asyncio.Task[Verdict]:
    return asyncio.create_task(checker.check(Picture(data), asker))


async def occupy(checker: Checker, detector: FakeDetector) -> asyncio.Task[Verdict]:
    """Have the network hold one picture at the detector's gate."""
    detector.gate.clear()
    asked = ask(checker, make_picture(seed=1000))
    await until(lambda: detector.at_gate)
    return asked


def one_decoder(checks: ChecksSettings, **changes: Any) -> ChecksSettings:
    """One picture is decoded and judged at a time, and two more have their turn: order can be seen."""
    return replace(checks, decode_threads=1, batch=1, **changes)


class TestVerdict:
    async def test_it_says_what_was_seen(self, checker: Checker) -> None:
        data = make_picture(220)
        verdict = await checker.check(Picture(data), ANNA)
        assert verdict.label is Label.AI
        assert verdict.p_ai == verdict.confidence == pytest.approx(220 / 255, abs=0.01)
        assert (verdict.width, verdict.height) == (96, 96)
        assert verdict.model == "fake-1"
        assert verdict.bands == Bands(0.3, 0.7)
        assert verdict.sha256 == sha256(data).hexdigest()
        assert [(view.kind, view.box) for view in verdict.views] == [
            ("overview", (0, 0, 96, 96)),
            ("native", (24, 24, 72, 72)),
        ]
        assert verdict.basis is Basis.PIXELS
        assert (verdict.evidence, verdict.notes) == ((), ())
        assert 0 <= verdict.milliseconds < 60_000

    @pytest.mark.parametrize(("brightness", "label"), [(30, Label.REAL), (128, Label.UNSURE), (220, Label.AI)])
    async def test_the_label_is_that_of_the_band(self, checker: Checker, brightness: int, label: Label) -> None:
        verdict = await checker.check(Picture(make_picture(brightness)), ANNA)
        assert verdict.label is label
        assert verdict.confidence >= 0.5

    async def test_what_the_file_says_is_there_and_tips_what_is_unsure(self, checker: Checker) -> None:
        info = PngInfo()
        info.add_text("parameters", "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512")
        out = io.BytesIO()
        Image.open(io.BytesIO(make_picture(120))).save(out, "PNG", pnginfo=info)
        verdict = await checker.check(Picture(out.getvalue()), ANNA)
        assert [finding.kind for finding in verdict.evidence] == [kinds.PARAMETERS]
        assert (verdict.label, verdict.basis) == (Label.AI, Basis.FILE)
        assert verdict.p_ai == pytest.approx(120 / 255, abs=0.01)

    async def test_a_moving_picture_says_that_its_first_was_judged(self, checker: Checker) -> None:
        frames = [Image.new("RGB", (96, 96), (shade, shade, shade)) for shade in (250, 10)]
        out = io.BytesIO()
        frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
        verdict = await checker.check(Picture(out.getvalue()), ANNA)
        assert "first-frame" in verdict.notes
        assert verdict.p_ai > 0.9

    async def test_a_refusal_is_raised_and_counted(
        self, checks: ChecksSettings, detector: FakeDetector, store: Store
    ) -> None:
        metrics = Metrics()
        async with running(checks, detector, store, metrics) as checker:
            for _ in range(2):
                with pytest.raises(Refusal) as refused:
                    await checker.check(Picture(b"this is no picture"), ANNA)
            assert refused.value.reason == "text"
            await checker.check(Picture(make_picture()), BEN)
        text = metrics.text().decode()
        assert 'candid_refusals_total{reason="text"} 2.0' in text
        assert 'candid_verdicts_total{adapter="telegram",label="ai"} 1.0' in text
        assert "candid_pictures_total 3.0" in text
        assert "candid_queue_depth 0.0" in text
        for stage in ("wait", "decode", "judge", "total"):
            assert f'candid_stage_seconds_count{{stage="{stage}"}} 1.0' in text

    async def test_a_large_file_is_as_welcome_as_a_small_one(self, checker: Checker) -> None:
        data = make_picture(220, side=512, format="BMP")
        assert len(data) > 700_000
        verdict = await checker.check(Picture(data), ANNA)
        assert verdict.sha256 == sha256(data).hexdigest()


class TestEvidence:
    """What a finding does to the label. p_ai is not among what it can change."""

    SIGNED = Finding(kinds.CREDENTIALS_GENERATED, "Signed: made by AI.", Strength.SIGNED)
    DECLARED = Finding(kinds.PARAMETERS, "Settings of a generator.", Strength.SELF_DECLARED)
    OTHERS = (
        Finding(kinds.CREDENTIALS_EDITED, "Signed: edited with AI.", Strength.SIGNED),
        Finding(kinds.CREDENTIALS, "Signed by a camera.", Strength.SIGNED),
        Finding(kinds.SOURCE_EDITED, "Edited with AI.", Strength.SELF_DECLARED),
        Finding(kinds.CAMERA, "Taken with a camera.", Strength.HINT),
        Finding(kinds.GENERATOR_TAG, "Perhaps a generator's.", Strength.HINT),
    )
    AI = Score(0.9, "ai", 0.9, ())
    UNSURE = Score(0.4, "unsure", 0.6, ())
    REAL = Score(0.1, "real", 0.9, ())

    @pytest.mark.parametrize("score", [UNSURE, REAL])
    def test_a_valid_signature_decides(self, score: Score) -> None:
        assert decide(score, (self.DECLARED, self.SIGNED)) == (Label.AI, SIGNED_CONFIDENCE, Basis.FILE)

    def test_an_unsigned_marker_tips_only_what_is_unsure(self) -> None:
        assert decide(self.UNSURE, (self.DECLARED,)) == (Label.AI, DECLARED_CONFIDENCE, Basis.FILE)
        assert decide(replace(self.UNSURE, p_ai=0.65), (self.DECLARED,)) == (Label.AI, 0.65, Basis.FILE)
        assert decide(self.REAL, (self.DECLARED,)) == (Label.REAL, 0.9, Basis.PIXELS)

    def test_an_unsigned_marker_is_nothing_against_a_cameras_signature(self) -> None:
        camera = Finding(kinds.CREDENTIALS, "Signed by a camera.", Strength.SIGNED)
        assert decide(self.UNSURE, (camera, self.DECLARED)) == (Label.UNSURE, 0.6, Basis.PIXELS)
        untrusted = replace(camera, strength=Strength.HINT)
        assert decide(self.UNSURE, (untrusted, self.DECLARED))[0] is Label.AI
        assert decide(self.UNSURE, (camera, self.SIGNED)) == (Label.AI, SIGNED_CONFIDENCE, Basis.FILE)

    @pytest.mark.parametrize("findings", [(), (SIGNED,), (DECLARED,), OTHERS])
    def test_what_the_pixels_say_already_stays_theirs(self, findings: tuple[Finding, ...]) -> None:
        assert decide(self.AI, findings) == (Label.AI, 0.9, Basis.PIXELS)

    @pytest.mark.parametrize("score", [AI, UNSURE, REAL])
    def test_nothing_else_in_a_file_changes_anything(self, score: Score) -> None:
        assert decide(score, self.OTHERS) == (Label(score.label), score.confidence, Basis.PIXELS)


class TestKnownPictures:
    async def test_a_picture_is_judged_once_and_each_is_told_his_own_arrival(
        self, checker: Checker, detector: FakeDetector
    ) -> None:
        data = make_picture()
        first = await checker.check(Picture(data), ANNA)
        second = await checker.check(Picture(data, Arrival.RECOMPRESSED), BEN)
        assert (first.arrival, second.arrival) == (Arrival.ORIGINAL, Arrival.RECOMPRESSED)
        assert replace(second, arrival=Arrival.ORIGINAL) == first
        assert detector.passes == [1]

    @pytest.mark.parametrize("cache", [0, 1, 100])
    async def test_it_is_known_after_a_restart_and_however_small_the_cache(
        self, checks: ChecksSettings, store: Store, cache: int
    ) -> None:
        pictures = [make_picture(seed=seed) for seed in range(3)]
        async with running(checks, FakeDetector(), store) as checker:
            given = [await checker.check(Picture(data), ANNA) for data in pictures]
        later = FakeDetector()
        async with running(replace(checks, cache=cache), later, store) as checker:
            for _ in range(2):
                assert [await checker.check(Picture(data), ANNA) for data in pictures] == given
        assert later.passes == []

    async def test_another_model_judges_anew(self, checks: ChecksSettings, store: Store) -> None:
        data = make_picture()
        async with running(checks, FakeDetector("old"), store) as checker:
            assert (await checker.check(Picture(data), ANNA)).model == "old"
            checker.replace_detector(FakeDetector("new"))
            assert (await checker.check(Picture(data), ANNA)).model == "new"
            assert (await checker.recall(sha256(data).hexdigest())) == await checker.check(Picture(data), ANNA)

    async def test_a_row_of_another_shape_is_judged_anew(self, checker: Checker, store: Store) -> None:
        data = make_picture()
        await store.keep_verdict(sha256(data).hexdigest(), "fake-1", {"label": "ai", "vintage": 1987})
        assert await checker.recall(sha256(data).hexdigest()) is None
        assert (await checker.check(Picture(data), ANNA)).label is Label.AI

    async def test_a_store_that_can_not_be_written_costs_nobody_the_verdict(
        self, checker: Checker, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def full(*_: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(store, "keep_verdict", full)
        assert (await checker.check(Picture(make_picture()), ANNA)).label is Label.AI
        assert "disk is full" in caplog.text


class TestSamePictureAtOnce:
    async def test_it_is_judged_once_for_all(self, checker: Checker, detector: FakeDetector) -> None:
        detector.gate.clear()
        data = make_picture()
        asks = [ask(checker, data, asker) for asker in (ANNA, BEN, ANNA, BEN)]
        await asyncio.sleep(0.05)
        detector.gate.set()
        verdicts = await asyncio.gather(*asks)
        assert len(set(verdicts)) == 1
        assert detector.passes == [1]

    async def test_all_of_them_get_the_refusal(self, checker: Checker) -> None:
        refusals = await asyncio.gather(*(ask(checker, b"no picture") for _ in range(4)), return_exceptions=True)
        assert all(isinstance(refusal, Refusal) for refusal in refusals)

    async def test_one_who_leaves_does_not_take_the_others_along(
        self, checker: Checker, detector: FakeDetector
    ) -> None:
        detector.gate.clear()
        data = make_picture()
        first, second, third = asks = [ask(checker, data) for _ in range(3)]
        await until(lambda: detector.at_gate)
        first.cancel()
        third.cancel()
        await asyncio.wait({first, third})
        detector.gate.set()
        assert (await second).label is Label.AI
        assert [task.cancelled() for task in asks] == [True, False, True]
        assert detector.passes == [1]

    async def test_a_verdict_that_all_left_is_finished_and_known(
        self, checker: Checker, detector: FakeDetector
    ) -> None:
        detector.gate.clear()
        data = make_picture()
        leaving = ask(checker, data)
        await until(lambda: checker._flights)
        await until(lambda: all(flight.begun for flight in checker._flights.values()))
        leaving.cancel()
        await asyncio.wait({leaving})
        again = ask(checker, data)
        await asyncio.sleep(0.02)
        detector.gate.set()
        assert (await again).label is Label.AI
        assert detector.passes == [1]

    async def test_what_all_left_before_its_turn_is_not_worked_on(
        self, checks: ChecksSettings, detector: FakeDetector, store: Store
    ) -> None:
        metrics = Metrics()
        async with running(one_decoder(checks), detector, store, metrics) as checker:
            detector.gate.clear()
            busy = [ask(checker, make_picture(seed=seed)) for seed in range(3)]
            await until(lambda: sum(flight.begun for flight in checker._flights.values()) == 3)
            data = make_picture(seed=99)
            leaving = ask(checker, data)
            await until(lambda: b"candid_queue_depth 1.0" in metrics.text())
            leaving.cancel()
            await asyncio.wait({leaving})
            assert b"candid_queue_depth 0.0" in metrics.text()
            back = ask(checker, data)  # who comes back at once starts anew
            detector.gate.set()
            await asyncio.gather(*busy)
            assert (await back).label is Label.AI
        assert len(detector.passes) == 4


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


class TestButtons:
    async def test_a_verdict_is_recalled_by_a_part_of_its_hash_after_a_restart_too(
        self, checks: ChecksSettings, store: Store
    ) -> None:
        async with running(checks, FakeDetector(), store) as checker:
            verdict = await checker.check(Picture(make_picture(), Arrival.RECOMPRESSED), ANNA)
        async with running(checks, FakeDetector("another"), store) as checker:
            recalled = await checker.recall(verdict.sha256[:32])
            assert recalled == replace(verdict, arrival=Arrival.ORIGINAL)
            for forged in (
                "",
                "0" * 32,
                verdict.sha256[:31],
                verdict.sha256 + "0",
                verdict.sha256[:32].upper(),
                "%" * 40,
            ):
                assert await checker.recall(forged) is None

    async def test_a_person_reports_a_picture_once(self, checker: Checker, store: Store) -> None:
        verdict = await checker.check(Picture(make_picture()), ANNA)
        assert await checker.report(verdict.sha256[:32], ANNA, "I painted it")
        assert not await checker.report(verdict.sha256, ANNA, "I said so")
        assert await checker.report(verdict.sha256[:40], BEN, "")
        first, _ = await store.reports(verdict.sha256)
        assert (first["person"], first["chat"], first["says"], first["model"]) == (
            ANNA.user,
            ANNA.chat,
            "I painted it",
            "fake-1",
        )
        assert first["verdict"] == {**first["verdict"], "label": "ai"}  # type: ignore[dict-item]
        assert not await checker.report("0" * 64, ANNA, "never seen")

    async def test_a_person_reports_only_so_many_pictures_in_a_day(self, checker: Checker, store: Store) -> None:
        reports = [await checker.check(Picture(make_picture(seed=n)), ANNA) for n in range(REPORTS_A_DAY + 1)]
        elsewhere = replace(ANNA, chat="discord:guild/2")
        for number, verdict in enumerate(reports[:-1]):
            assert await checker.report(verdict.sha256, elsewhere if number % 2 else ANNA, "")
        for act in (checker.admit_report(ANNA), checker.report(reports[-1].sha256, ANNA, "one more")):
            with pytest.raises(Refusal, match=f"reported {REPORTS_A_DAY} verdicts within a day") as caught:
                await act
            assert caught.value.reason == "too-many-reports"
        assert await store.reports(reports[-1].sha256) == []
        assert await checker.report(reports[-1].sha256, BEN, "")
        await store.change("UPDATE reports SET reported = reported - ? WHERE person = ?", (DAY, ANNA.user))
        assert await checker.report(reports[-1].sha256, ANNA, "the day after")

    async def test_the_model_is_shown(self, checker: Checker) -> None:
        assert checker.model.version == "fake-1"
        assert checker.model.bands == Bands(0.3, 0.7)
        assert checker.model.card["version"] == "fake-1"


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
