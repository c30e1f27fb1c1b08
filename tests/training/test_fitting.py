from dataclasses import replace

import numpy as np
import pytest

from tests.training.made import made_scores, scores
from training.fitting import Rule, apply, fit_all, part_sources, probabilities
from training.metrics import auroc
from training.report import tier_figures

RULE = Rule()


def test_the_bands_keep_the_rule_on_sources_they_were_not_fitted_on() -> None:
    made = made_scores(sources=20, each=40)
    fitted = fit_all(made, RULE)
    assert 0 < fitted.bands.real <= 0.5 <= fitted.bands.ai < 1
    for tier in range(2):
        answers = fitted.verdicts.answers[:, tier]
        assert np.mean(answers[made.label == 0] == "ai") <= RULE.accusations
        assert np.mean(answers[made.label == 1] == "real") <= RULE.missed
        assert np.mean(answers[made.label == 1] == "ai") > 0.1


def test_a_kind_that_is_often_accused_costs_recall() -> None:
    made = made_scores(sources=40, each=20)
    faces = (made.label == 0) & np.isin(made.source, [f"s{number}" for number in range(12)])
    shifted = replace(made, kind=np.where(faces, "face", made.kind), logits=made.logits + 1.5 * faces[:, None, None])
    plain, strict = (fit_all(these, RULE).verdicts.answers for these in (made, shifted))
    assert np.mean(strict[faces] == "ai") <= RULE.worst_kind
    assert np.mean(strict[made.label == 1] == "ai") < np.mean(plain[made.label == 1] == "ai")


def test_a_kind_that_no_other_source_teaches_does_not_cost_all_recall() -> None:
    made = made_scores(sources=30, each=50)
    odd = (made.label == 0) & (made.source == "s0")
    shifted = replace(made, kind=np.where(odd, "odd", made.kind), logits=made.logits + 1.5 * odd[:, None, None])
    fitted = fit_all(shifted, RULE)
    assert np.mean(fitted.verdicts.answers[odd] == "ai") > RULE.worst_kind
    assert np.mean(fitted.verdicts.answers[made.label == 0] == "ai") <= RULE.accusations
    assert fitted.tightened[0] == 1.0


def test_probabilities_mean_what_they_say() -> None:
    made = made_scores(sources=30, each=40)
    p = fit_all(made, RULE).verdicts.p[:, 0]
    near = (p > 0.6) & (p < 0.8)
    assert np.mean(made.label[near]) == pytest.approx(np.mean(p[near]), abs=0.08)


def test_sources_are_kept_together() -> None:
    made = made_scores(sources=9, each=7)
    parts = part_sources(made)
    for source in np.unique(made.source):
        assert len(np.unique(parts[made.source == source])) == 1
    assert len(np.unique(parts)) >= 5


def test_too_few_sources_are_said() -> None:
    label = np.array([0, 0, 1, 1], np.int8)
    with pytest.raises(SystemExit, match="two sources"):
        fit_all(scores(np.zeros(4), label, np.array(["a", "a", "b", "c"])), RULE)


def test_the_curve_gets_stricter_with_the_rate() -> None:
    curve = fit_all(made_scores(sources=20, each=40), RULE).curve["clean"]
    assert [round(1 / point["rate"]) for point in curve] == [1000, 300, 100, 30]
    for key in ("threshold", "recall"):
        values = [point[key] for point in curve]
        assert values == sorted(values, reverse=key == "threshold")


def test_pictures_without_views_at_a_tier_are_left_out() -> None:
    made = made_scores(sources=10, each=20)
    gone = np.arange(len(made)) % 7 == 0
    made.logits[gone, 1], made.kinds[gone, 1] = np.nan, 0
    fitted = fit_all(made, RULE)
    assert np.isnan(fitted.verdicts.p[gone, 1]).all()
    assert not np.isnan(fitted.verdicts.p[:, 0]).any()


def test_applying_is_what_the_card_does() -> None:
    made = made_scores(sources=4, each=5)
    fitted = fit_all(made, RULE)
    p = probabilities(fitted.calibration, made)
    expected = [fitted.calibration.probability(row.tolist(), ["overview", "native"]) for row in made.logits[:, 0]]
    assert p[:, 0] == pytest.approx(expected, abs=1e-6)
    verdicts = apply(fitted.calibration, fitted.bands, made)
    assert [fitted.bands.label(value) for value in p[:, 0]] == verdicts.answers[:, 0].tolist()


def test_order_is_measured_by_one_calibration_also_where_parts_are_uneven() -> None:
    made = made_scores(sources=12, each=40)
    two = np.char.add("ai", (np.arange(len(made)) % 2).astype(str))
    lumped = replace(made, source=np.where(made.label == 1, two, made.source))
    fitted = fit_all(lumped, RULE)
    shipped = apply(fitted.calibration, fitted.bands, lumped)
    for tier in range(2):
        figures = tier_figures(lumped, fitted.verdicts, tier)
        assert figures["auroc"]["value"] == pytest.approx(auroc(shipped.p[:, tier], lumped.label))
        assert figures["auroc"]["value"] > auroc(fitted.verdicts.p[:, tier], lumped.label)


def test_the_curve_keeps_its_rates_on_sources_it_was_not_fitted_on() -> None:
    made = made_scores(sources=40, each=50, seed=3)
    for points in fit_all(made, RULE).curve.values():
        by_rate = {round(1 / point["rate"]): point for point in points}
        assert all(by_rate[one_in]["false_accusations"] <= 1 / one_in for one_in in (30, 100, 300))
        thresholds = [by_rate[one_in]["threshold"] for one_in in (1000, 300, 100, 30)]
        assert thresholds == sorted(thresholds, reverse=True)
