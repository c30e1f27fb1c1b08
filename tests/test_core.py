"""The Checker: one verdict a picture, whoever asks how often, and what buttons ask of it later."""

import asyncio
import io
import sqlite3
from dataclasses import replace
from hashlib import sha256

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot.core import Checker, Picture
from bot.errors import Refusal
from bot.evidence import kinds
from bot.limits import REPORTS_A_DAY
from bot.metrics import Metrics
from bot.settings import ChecksSettings
from bot.store import DAY, Store
from bot.verdict import Arrival, Bands, Basis, Label
from tests.checker_rig import ANNA, BEN, ask, one_decoder, running, until
from tests.conftest import FakeDetector, make_picture


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

    async def test_a_store_that_can_not_be_read_costs_nobody_the_verdict(
        self, checker: Checker, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def broken(*_: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(store, "verdict", broken)
        assert (await checker.check(Picture(make_picture()), ANNA)).label is Label.AI
        assert "disk I/O error" in caplog.text


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
