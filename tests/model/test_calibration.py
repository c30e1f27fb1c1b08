import numpy as np
import pytest

from model.calibration import Bands, Calibration, accusation_threshold, fit, mean_by_kind, sigmoid


def test_labels_by_band() -> None:
    bands = Bands(real=0.2, ai=0.9)
    assert [bands.label(p) for p in (0.0, 0.2, 0.21, 0.89, 0.9, 1.0)] == [
        "real",
        "real",
        "unsure",
        "unsure",
        "ai",
        "ai",
    ]


def test_kinds_are_averaged_apart_and_stand_in_for_each_other() -> None:
    assert mean_by_kind([1, 3, -1], ["overview", "overview", "native"]) == (2, -1, 0)
    assert mean_by_kind([1, 3], ["overview", "overview"]) == (2, 2, 0)
    assert mean_by_kind([5], ["native"]) == (5, 5, 0)
    assert mean_by_kind([1, -1, 4], ["overview", "native", "composition"]) == (1, -1, 4)
    with pytest.raises(ValueError, match="no overview"):
        mean_by_kind([1.0], ["elsewhere"])


def test_probability_is_logistic() -> None:
    calibration = Calibration(overview=1.0, native=2.0, bias=-1.0)
    assert calibration.probability([1.0, 0.5], ["overview", "native"]) == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert calibration.view_probability(2.0) == pytest.approx(1 / (1 + np.exp(-5.0)))
    assert Calibration(1, 1, 0).probability([1e9], ["native"]) <= 1.0


def test_composition_speaks_where_a_version_has_it() -> None:
    kinds = ["overview", "native", "composition"]
    assert Calibration(1.0, 1.0, 0.0, 2.0).probability([1.0, 1.0, -1.5], kinds) == pytest.approx(1 / (1 + np.exp(1.0)))
    assert Calibration(1.0, 1.0, 0.0).probability([1.0, 1.0, -1.5], kinds) == pytest.approx(1 / (1 + np.exp(-2.0)))


def test_fitting_finds_what_made_the_labels() -> None:
    random = np.random.default_rng(0)
    means = random.normal(0, 2, (3, 20_000))
    true = np.array([0.5, 1.5, 0.8])
    labels = (random.random(20_000) < np.asarray(sigmoid(true @ means - 0.3))).astype(np.int8)
    found = fit(means, labels, np.ones(20_000))
    assert (found.overview, found.native, found.composition) == pytest.approx(tuple(true), abs=0.1)
    assert found.bias == pytest.approx(-0.3, abs=0.1)


def test_a_version_without_composition_gives_it_no_weight() -> None:
    random = np.random.default_rng(4)
    labels = random.integers(0, 2, 2000).astype(np.int8)
    means = np.stack([random.normal(labels, 1), random.normal(labels, 1), np.zeros(2000)])
    found = fit(means, labels, np.ones(2000))
    assert found.composition == 0
    assert found.overview > 0.5


def test_a_kind_that_would_count_against_itself_counts_nothing() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, 2000).astype(np.int8)
    means = np.stack([random.normal(-labels, 1), random.normal(labels, 1), random.normal(labels, 1)])
    found = fit(means, labels, np.ones(2000))
    assert found.overview == 0
    assert found.native > 0.5


def test_separable_labels_stay_finite() -> None:
    logits, labels = np.array([-3.0, -2.0, 2.0, 3.0]), np.array([0, 0, 1, 1], np.int8)
    found = fit(np.stack([logits] * 3), labels, np.ones(4))
    assert np.isfinite([found.overview, found.native, found.composition, found.bias]).all()


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.25])
def test_the_threshold_keeps_its_rate_and_no_lower_one_does(rate: float) -> None:
    p = np.random.default_rng(2).random(400)
    threshold = accusation_threshold(p, rate)
    assert np.mean(p >= threshold) <= rate
    lower = np.sort(p)[::-1][int(rate * 400)]
    assert np.mean(p >= lower) > rate


def test_ties_at_the_threshold_are_not_accused() -> None:
    assert np.mean(np.full(100, 0.7) >= accusation_threshold(np.full(100, 0.7), 0.5)) == 0
