from dataclasses import replace

import numpy as np
import pytest

from model.calibration import Bands, Calibration
from tests.training.made import made_scores
from training.fitting import Verdicts, apply
from training.gate import Margins, compare, mcnemar
from training.scores import Scores

MADE = made_scores(sources=10, each=40)
MARGINS = Margins()
CALIBRATION, BANDS = Calibration(0.8, 0.8, 0.0), Bands(0.2, 0.9)


def judged(made: Scores) -> Verdicts:
    return apply(CALIBRATION, BANDS, made)


def test_mcnemar_of_known_counts() -> None:
    assert mcnemar(5, 0) == 1 / 32
    assert mcnemar(0, 5) == 1
    assert mcnemar(2, 2) == pytest.approx(11 / 16)
    assert mcnemar(0, 0) == 1


def test_an_equal_challenger_passes() -> None:
    same = compare(MADE, judged(MADE), judged(MADE), MARGINS)
    assert same.reasons == []
    assert same.tiers["clean"]["auroc"] == 0


def test_a_better_challenger_passes() -> None:
    better = replace(MADE, logits=MADE.logits + np.where(MADE.label == 1, 0.4, -0.4)[:, None, None].astype(np.float32))
    result = compare(MADE, judged(MADE), judged(better), MARGINS)
    assert result.reasons == []
    assert result.tiers["telegram"]["auroc"] > 0.05


def test_a_challenger_that_tells_worse_at_one_tier_is_refused() -> None:
    noisy = MADE.logits.copy()
    noisy[:, 1] += np.random.default_rng(0).normal(0, 1.5, (len(MADE), 1))
    reasons = compare(MADE, judged(MADE), judged(replace(MADE, logits=noisy)), MARGINS).reasons
    assert any("telegram tier it tells AI from real worse" in reason for reason in reasons)
    assert not any("clean tier it tells" in reason for reason in reasons)


def test_a_challenger_that_accuses_one_kind_is_refused_for_that_kind() -> None:
    faces = (MADE.label == 0) & (MADE.source == "s3")
    made = replace(MADE, kind=np.where(faces, "face", MADE.kind))
    harsh = replace(made, logits=made.logits + 2.5 * faces[:, None, None].astype(np.float32))
    reasons = compare(made, judged(made), judged(harsh), MARGINS).reasons
    assert any("kind 'face'" in reason for reason in reasons)
    assert any("source 's3'" in reason for reason in reasons)
    assert not any("kind 'photo'" in reason for reason in reasons)


def test_a_challenger_that_finds_much_less_is_refused() -> None:
    timid = replace(MADE, logits=MADE.logits - np.float32(1.0))
    reasons = compare(MADE, judged(MADE), judged(timid), MARGINS).reasons
    assert any("fewer of the AI pictures" in reason for reason in reasons)


def test_a_few_pictures_prove_nothing() -> None:
    made = made_scores(sources=3, each=10)
    (first, second) = compare(made, judged(made), judged(made), MARGINS).reasons
    assert "30 real" in first
    assert "30 AI" in second
