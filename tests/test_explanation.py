"""Why, as a picture: what is drawn, in which thread, within which limits, and that nobody waits long because of it."""

import asyncio
import io
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bot import core, explanation
from bot.core import Asker, Checker, Picture
from bot.errors import Refusal, TryLater
from bot.explanation import drawn_words
from bot.metrics import Metrics
from bot.settings import ChecksSettings
from bot.store import Store
from bot.verdict import Verdict
from model.explain import draw, heat_map
from model.scale import AI, REAL, Scale, can_draw
from tests.conftest import FakeDetector, make_picture

ANNA = Asker("discord:guild/1", "discord:user/1")
BEN = Asker("telegram:chat/2", "telegram:user/2")
NAMES = ("likely real", "can't tell", "likely AI-generated")


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  anything can be waited for in this way
            await asyncio.sleep(0.002)


def opened(png: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(png))
    assert picture.format == "PNG"
    return picture.convert("RGB")


def hue(picture: Image.Image) -> str:
    """The colour that the middle of a heat map is tinted in."""
    red, _, blue = np.asarray(picture.crop((20, 20, 80, 80)), int).mean(axis=(0, 1))
    return "orange" if red > blue + 10 else "blue" if blue > red + 10 else "grey"


class TestChecker:
    @pytest.mark.parametrize(("brightness", "colour"), [(230, "orange"), (10, "blue")])
    async def test_orange_speaks_for_ai_and_blue_for_real(self, checker: Checker, brightness: int, colour: str) -> None:
        drawn = opened(await checker.explain(Picture(make_picture(brightness)), ANNA))
        assert hue(drawn) == colour
        assert drawn.height > drawn.width, "there is nothing below the square picture"

    async def test_bare_it_has_the_proportions_of_the_picture(self, checker: Checker) -> None:
        assert opened(await checker.explain(Picture(make_picture(side=96)), ANNA, bare=True)).size == (96, 96)
        assert opened(await checker.explain(Picture(make_picture(side=1500)), ANNA, bare=True)).size == (1024, 1024)

    async def test_it_is_made_in_the_networks_thread(self, checker: Checker, detector: FakeDetector) -> None:
        judged: list[int] = []
        detector.seen = lambda pictures: judged.append(threading.get_ident())
        await checker.explain(Picture(make_picture()), ANNA)
        assert detector.explained == [(judged[0], 1024)]
        assert judged[0] != threading.get_ident()

    async def test_it_is_never_beside_a_pass(self, checker: Checker, detector: FakeDetector) -> None:
        data = make_picture()
        await checker.check(Picture(data), ANNA)
        detector.gate.clear()
        held = asyncio.create_task(checker.check(Picture(make_picture(seed=9)), BEN))
        await until(lambda: detector.at_gate)
        asked = asyncio.create_task(checker.explain(Picture(data), ANNA))
        await asyncio.sleep(0.1)
        assert not asked.done()
        assert detector.explained == []
        detector.gate.set()
        await asyncio.gather(held, asked)
        assert len(detector.explained) == 1

    async def test_it_costs_a_token(self, checks: ChecksSettings, detector: FakeDetector, store: Store) -> None:
        checker = Checker(replace(checks, per_user_burst=2, per_user_per_minute=0.01), detector, store, Metrics())
        await checker.start()
        await checker.check(Picture(make_picture()), ANNA)
        await checker.explain(Picture(make_picture()), ANNA)
        with pytest.raises(TryLater, match="minutes"):
            await checker.explain(Picture(make_picture()), ANNA)
        await checker.explain(Picture(make_picture()), BEN)
        await checker.close(5)

    async def test_what_cant_be_judged_is_refused(self, checker: Checker) -> None:
        with pytest.raises(Refusal) as refused:
            await checker.explain(Picture(b"this is no picture"), ANNA)
        assert refused.value.reason == "text"

    async def test_chats_take_turns_and_too_many_are_told_to_come_again(
        self, checker: Checker, detector: FakeDetector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = make_picture()
        await checker.check(Picture(data), ANNA)
        held = threading.Event()
        finished: list[str] = []
        explain = detector.explain

        def slow(*given: object) -> NDArray[np.float32]:
            assert held.wait(20)
            return explain(*given)  # type: ignore[arg-type]

        async def visit(name: str, asker: Asker) -> None:
            await checker.explain(Picture(data), asker)
            finished.append(name)

        monkeypatch.setattr(detector, "explain", slow)
        many = [asyncio.create_task(visit("album", ANNA)) for _ in range(20)]
        await until(lambda: len(checker._judge._explainer._turns) == 19)
        single = asyncio.create_task(visit("single", BEN))
        crowd = [asyncio.create_task(visit("crowd", Asker(f"web:{n}", "x"))) for n in range(12)]
        await until(lambda: len(checker._judge._explainer._turns) == explanation._WAITING)
        with pytest.raises(TryLater):
            await checker.explain(Picture(data), Asker("web:late", "x"))
        held.set()
        await asyncio.gather(*many, single, *crowd)
        assert finished.index("single") <= 3

    async def test_who_leaves_frees_the_turn(
        self, checker: Checker, detector: FakeDetector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = make_picture()
        await checker.check(Picture(data), ANNA)
        detector.gate.clear()
        held = asyncio.create_task(checker.check(Picture(make_picture(seed=9)), BEN))
        await until(lambda: detector.at_gate)
        asked = asyncio.create_task(checker.explain(Picture(data), ANNA))
        await asyncio.sleep(0.05)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        detector.gate.set()
        await held
        assert opened(await checker.explain(Picture(data), BEN))
        assert len(detector.explained) == 1
        assert checker._explanations == set()

    async def test_where_workers_never_agree_on_a_model_a_person_is_told_to_come_again(
        self, checker: Checker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries = 0

        async def replaced(*_: object) -> None:
            nonlocal tries
            tries += 1
            assert tries < 100, "it goes on for ever"

        monkeypatch.setattr(core, "_TRIES", (0.0, 0.01, 0.01))
        monkeypatch.setattr(checker._judge, "explain", replaced)
        with pytest.raises(TryLater):
            await checker.explain(Picture(make_picture()), ANNA)
        assert tries == 3

    async def test_when_the_detector_is_replaced_map_and_score_are_of_one(
        self, checker: Checker, detector: FakeDetector
    ) -> None:
        data = make_picture()
        detector.gate.clear()
        asked = asyncio.create_task(checker.explain(Picture(data), ANNA))
        await until(lambda: detector.at_gate)
        new = FakeDetector("new")
        checker.replace_detector(new)
        detector.gate.set()
        await asked
        assert (len(detector.explained), len(new.explained), new.passes) == (0, 1, [1])

    async def test_a_bug_fails_that_explanation_alone(
        self, checker: Checker, detector: FakeDetector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*given: object) -> None:
            raise FloatingPointError("a bug")

        with monkeypatch.context() as patch:
            patch.setattr(detector, "explain", broken)
            with pytest.raises(FloatingPointError):
                await checker.explain(Picture(make_picture()), ANNA)
        assert await checker.explain(Picture(make_picture()), ANNA)

    async def test_closing_finishes_what_was_accepted_or_says_come_again(
        self, checks: ChecksSettings, detector: FakeDetector, store: Store
    ) -> None:
        for seconds in (20.0, 0.0):
            checker = Checker(checks, detector, store, Metrics())
            await checker.start()
            detector.gate.clear()
            asked = asyncio.create_task(checker.explain(Picture(make_picture(seed=int(seconds))), ANNA))
            await until(lambda: detector.at_gate)
            closing = asyncio.create_task(checker.close(seconds))
            await asyncio.sleep(0)
            with pytest.raises(TryLater, match="restarted"):
                await checker.explain(Picture(make_picture()), BEN)
            if seconds:
                detector.gate.set()
                assert opened(await asked)
            else:
                with pytest.raises(TryLater, match="restarted"):
                    await asked
            await closing
            detector.gate.set()
            await until(lambda: not detector.at_gate)


class TestDrawing:
    @pytest.mark.parametrize("size", [(1600, 1000), (300, 2400), (64, 64), (20, 4000), (4000, 20), (480, 480)])
    def test_no_picture_makes_it_larger_than_it_may_be_or_too_narrow_for_its_words(self, size: tuple[int, int]) -> None:
        pixels = np.zeros((size[1], size[0], 3), np.uint8)
        drawn = draw(pixels, np.ones(pixels.shape[:2], np.float32), scale=Scale(0.5, 0.2, 0.8, "AI score 50", NAMES))
        assert max(drawn.size) <= 1024
        assert drawn.width >= 480

    @pytest.mark.parametrize("p_ai", [0.0, 0.25, 0.9, 1.0])
    def test_the_place_is_marked_where_it_lies(self, p_ai: float) -> None:
        pixels = np.full((600, 1000, 3), 255, np.uint8)
        drawn = draw(pixels, np.zeros((600, 1000), np.float32), scale=Scale(p_ai, 0.2, 0.8, "", NAMES))
        ink = np.asarray(drawn, int)[600:].sum(axis=2) < 120
        column = int(np.argmax(ink.sum(axis=0)))
        margin = 16
        assert column == pytest.approx(margin + p_ai * (1000 - 2 * margin), abs=4)

    def test_the_legend_has_both_colours(self) -> None:
        pixels = np.full((600, 1000, 3), 128, np.uint8)
        below = np.asarray(draw(pixels, np.zeros((600, 1000), np.float32)))[600:]
        for colour in (AI, REAL):
            assert (below == colour).all(axis=2).sum() > 50

    def test_a_smaller_map_is_the_same_map(self, detector: FakeDetector) -> None:
        pixels = np.zeros((120, 200, 3), np.uint8)
        views = detector.views(pixels)
        places = list(np.random.default_rng(0).normal(size=(2, 4, 4)).astype(np.float32))
        given = (places, views.boxes, views.kinds, pixels.shape, detector.card.calibration)
        whole, small = heat_map(*given), heat_map(*given, 100)
        assert whole.shape == (120, 200)
        assert small.shape == (60, 100)
        assert np.abs(whole[::2, ::2] - small).mean() < 0.1


class TestWords:
    async def test_a_language_that_the_font_lacks_is_drawn_in_english(
        self, checker: Checker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        verdict = await checker.check(Picture(make_picture(230)), ANNA)
        english = _words(verdict, "en")
        assert english[0] == "speaks for AI"
        assert english[2].startswith("AI score 90")
        assert "".join(english).isascii()
        spoken = {"ja": "本物かもしれない", "hi": "शायद असली", "de": "wohl echt"}
        monkeypatch.setattr(explanation, "say", _say_in(spoken))
        assert _words(verdict, "ja") == english
        assert _words(verdict, "hi") == english
        assert _words(verdict, "de")[0] == "wohl echt"

    def test_what_the_font_has(self) -> None:
        assert can_draw("Likely AI-generated, can't tell: 87 %")
        for lacking in ("本物", "असली", "вероятно"):
            assert not can_draw(f"ok {lacking}")


def _words(verdict: Verdict, language: str) -> tuple[str, ...]:
    legend, scale = drawn_words(verdict, language)
    return legend.ai, legend.real, scale.score, *scale.names


def _say_in(spoken: dict[str, str]) -> Callable[..., str]:
    from bot.wording import say

    return lambda key, language, **values: spoken.get(language) or say(key, language, **values)
