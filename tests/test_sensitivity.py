"""A server's sensitivity moves the edge of "likely AI" by the card's curve, for the way in which the picture came."""

from dataclasses import replace
from typing import Any

import pytest

from bot.core import Asker, Checker, ModelInfo, Picture
from bot.decision import SIGNED_CONFIDENCE
from bot.record import Record, record
from bot.sensitivity import SENSITIVITIES, Choice, at, choices
from bot.verdict import Arrival, Bands, Basis, Finding, Label, Strength, Verdict
from model.card import read_card
from model.registry import Registry
from tests.conftest import FakeDetector, make_picture

BANDS = Bands(0.2, 0.8)
SIGNED = Finding("credentials-generated", "Content Credentials: generated with AI.", Strength.SIGNED)
DECLARED = Finding("parameters", "Settings of a generator.", Strength.SELF_DECLARED)


def point(rate: object, threshold: object, recall: object = 0.5, accused: object = 0.01) -> dict[str, object]:
    return {"rate": rate, "threshold": threshold, "recall": recall, "false_accusations": accused}


CLEAN = [point(0.001, 0.95, 0.2, 0.002), point(0.0033333, 0.9, 0.3), point(0.01, 0.7, 0.4), point(0.033333, 0.5, 0.6)]
HARD = [point(0.001, 0.99, 0.1)]
MODEL = ModelInfo("wild-3", BANDS, {"curve": {"clean": CLEAN, "hard": HARD}, "metrics": {}})


def verdict(p_ai: float, *evidence: Finding, arrival: Arrival = Arrival.ORIGINAL) -> Verdict:
    """By the published bands."""
    label = Label.AI if p_ai >= BANDS.ai else Label.REAL if p_ai <= BANDS.real else Label.UNSURE
    confidence = p_ai if label is Label.AI else max(p_ai, 1 - p_ai)
    return Verdict(
        label, confidence, p_ai, "wild-3", BANDS, "ab" * 32, arrival, 70, 800, 600, evidence=evidence
    )  # fmt: skip


@pytest.mark.parametrize(
    ("p_ai", "one_in", "label"),
    [
        (0.85, None, Label.AI),
        (0.85, 1000, Label.UNSURE),
        (0.95, 1000, Label.AI),
        (0.85, 300, Label.UNSURE),
        (0.75, 100, Label.AI),
        (0.65, 100, Label.UNSURE),
        (0.55, 30, Label.AI),
        (0.10, 1000, Label.REAL),
        (0.10, 30, Label.REAL),
    ],
)
def test_the_label_follows_the_threshold(p_ai: float, one_in: int | None, label: Label) -> None:
    moved = at(verdict(p_ai), MODEL, one_in)
    assert moved.label is label
    assert moved.basis is Basis.PIXELS
    assert moved.p_ai == p_ai
    assert moved.confidence == pytest.approx(max(p_ai, 1 - p_ai))
    assert moved.bands.real == BANDS.real
    assert (moved.label is Label.AI) == (moved.p_ai >= moved.bands.ai)


def test_each_way_of_arriving_has_its_own_threshold() -> None:
    assert at(verdict(0.96), MODEL, 1000).label is Label.AI
    assert at(verdict(0.96, arrival=Arrival.PREVIEW), MODEL, 1000).label is Label.UNSURE
    assert at(verdict(0.995, arrival=Arrival.PREVIEW), MODEL, 1000).bands.ai == 0.99


def test_what_the_file_says_still_counts() -> None:
    signed = at(verdict(0.85, SIGNED), MODEL, 1000)
    assert (signed.label, signed.confidence, signed.basis) == (Label.AI, SIGNED_CONFIDENCE, Basis.FILE)
    declared = at(verdict(0.85, DECLARED), MODEL, 1000)
    assert (declared.label, declared.basis) == (Label.AI, Basis.FILE)
    by_file = replace(verdict(0.6, DECLARED), label=Label.AI, basis=Basis.FILE)
    by_pixels = at(by_file, MODEL, 30)  # at this sensitivity the pixels alone are enough
    assert (by_pixels.label, by_pixels.basis) == (Label.AI, Basis.PIXELS)
    assert at(verdict(0.1, DECLARED), MODEL, 30).label is Label.REAL


def test_a_threshold_below_what_is_likely_real_never_calls_one_picture_both() -> None:
    model = replace(MODEL, card={"curve": {"clean": [point(1 / 30, 0.1)]}})
    assert at(verdict(0.15), model, 30).label is Label.REAL
    moved = at(verdict(0.21), model, 30)
    assert moved.label is Label.AI
    assert moved.bands.real < moved.bands.ai


@pytest.mark.parametrize(
    "card",
    [
        {},
        {"curve": None},
        {"curve": []},
        {"curve": {"telegram": CLEAN}},
        {"curve": {"clean": None}},
        {"curve": {"clean": [None, 3, {}, {"rate": 0.001}]}},
        {"curve": {"clean": [point("0.001", 0.9)]}},
        {"curve": {"clean": [point(0.001, float("nan"))]}},
        {"curve": {"clean": [point(0.001, True)]}},
        {"curve": {"clean": [point(0.001, 1.5)]}},
        {"curve": {"clean": [point(0.002, 0.9)]}},
    ],
)
def test_without_a_curve_the_published_bands_stay(card: dict[str, Any]) -> None:
    model = replace(MODEL, card=card)
    before = verdict(0.85)
    for one_in in SENSITIVITIES:
        assert at(before, model, one_in) is before
    assert choices(model) == ()


def test_the_verdict_of_another_model_stays_as_it_was() -> None:
    before = verdict(0.85)
    assert at(before, replace(MODEL, version="wild-4"), 1000) is before


def test_the_choices_say_what_they_find() -> None:
    assert [(choice.one_in, choice.found) for choice in choices(MODEL)] == [
        (1000, 0.2),
        (300, 0.3),
        (100, 0.4),
        (30, 0.6),
    ]
    assert choices(MODEL, Arrival.PREVIEW) == (Choice(1000, 0.1, 0.01),)
    assert choices(MODEL, Arrival.RECOMPRESSED) == ()


def test_the_record_is_that_of_the_bands_in_force() -> None:
    assert record(at(verdict(0.85), MODEL, 1000), MODEL) == Record(0.002, 0.2)
    assert record(verdict(0.85), MODEL) is None  # this card has no figures for the published bands


async def test_the_drawing_shows_the_bands_of_the_server(
    checker: Checker, detector: FakeDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot import explanation

    drawn: list[Bands] = []
    words = explanation.drawn_words

    def noted(verdict: Verdict, language: str) -> object:
        drawn.append(verdict.bands)
        return words(verdict, language)

    monkeypatch.setattr(explanation, "drawn_words", noted)
    detector.card.data["curve"] = {"clean": CLEAN}
    for one_in in (None, 1000):
        await checker.explain(Picture(make_picture(200)), Asker("discord:guild/1", "discord:user/1"), one_in=one_in)
    assert [bands.ai for bands in drawn] == [0.7, 0.95]


def test_the_shipped_model_offers_every_sensitivity_for_every_way_of_arriving() -> None:
    card = read_card(Registry().path("champion"))
    model = ModelInfo(card.version, Bands(card.bands.real, card.bands.ai), card.data)
    for arrival in Arrival:
        offered = choices(model, arrival)
        assert [choice.one_in for choice in offered] == list(SENSITIVITIES)
        found = [choice.found for choice in offered]
        assert found == sorted(found)  # who risks more false accusations finds more
