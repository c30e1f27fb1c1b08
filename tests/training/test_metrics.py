import numpy as np
import pytest

from training import metrics

P = np.array([0.1, 0.4, 0.35, 0.8])
LABELS = np.array([0, 0, 1, 1], np.int8)


def test_auroc_of_known_scores() -> None:
    assert metrics.auroc(P, LABELS) == 0.75
    assert metrics.auroc(-P, LABELS) == 0.25


def test_ties_count_half() -> None:
    assert metrics.auroc(np.full(4, 0.5), LABELS) == 0.5
    assert metrics.auroc(np.array([0.2, 0.5, 0.5, 0.9]), LABELS) == (1 + 1 + 1 + 0.5) / 4


def test_auroc_without_one_label_is_no_number() -> None:
    assert np.isnan(metrics.auroc(P, np.zeros(4, np.int8)))


def test_weights_of_auroc_are_repetitions() -> None:
    random = np.random.default_rng(0)
    p, labels = random.integers(0, 12, 60) / 12, random.integers(0, 2, 60).astype(np.int8)
    times = random.integers(0, 4, 60)
    repeated = metrics.auroc(np.repeat(p, times), np.repeat(labels, times))
    assert metrics.auroc(p, labels, times.astype(float)) == pytest.approx(repeated)


def test_the_area_under_roc_is_auroc() -> None:
    random = np.random.default_rng(1)
    p, labels = random.integers(0, 20, 200) / 20, random.integers(0, 2, 200).astype(np.int8)
    false, true = metrics.roc(p, labels)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(true, false) == pytest.approx(metrics.auroc(p, labels))


def test_recall_at_a_rate_takes_the_best_threshold_that_keeps_it() -> None:
    p = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    labels = np.array([1, 0, 1, 1, 0, 0], np.int8)
    assert metrics.recall_at(p, labels, 0.0) == pytest.approx(1 / 3)
    assert metrics.recall_at(p, labels, 1 / 3) == 1.0


def test_wilson_intervals_of_known_shares() -> None:
    # Values from Wilson's formula as statsmodels' proportion_confint(method="wilson") gives them.
    tenth = metrics.share(10, 100)
    assert (tenth.low, tenth.high) == (pytest.approx(0.05523, abs=1e-5), pytest.approx(0.17437, abs=1e-5))
    none = metrics.share(0, 10)
    assert (none.low, none.high) == (0.0, pytest.approx(0.27753, abs=1e-5))
    assert np.isnan(metrics.share(0, 0).value)


def test_balanced_accuracy_counts_both_labels_alike() -> None:
    p, labels = np.array([0.9, 0.2, 0.1, 0.3, 0.6]), np.array([1, 0, 0, 0, 0], np.int8)
    assert metrics.balanced_accuracy(p, labels) == (1 + 0.75) / 2


def test_calibration_error_of_known_bins() -> None:
    p = np.array([0.05, 0.05, 0.95, 0.95])
    assert metrics.calibration_error(p, np.array([0, 0, 1, 1], np.int8)) == pytest.approx(0.05)
    assert metrics.calibration_error(p, np.array([1, 1, 0, 0], np.int8)) == pytest.approx(0.95)
    assert metrics.calibration_error(np.array([1.0, 1.0]), np.array([1, 1], np.int8)) == 0.0


def test_flips_tell_changes_from_contradictions() -> None:
    changed, opposite = metrics.flips(
        np.array(["ai", "ai", "real", "unsure"]), np.array(["ai", "real", "unsure", "unsure"])
    )
    assert (changed.count, opposite.count, changed.of) == (2, 1, 4)


def test_resamples_draw_whole_sources_of_each_label() -> None:
    sources = np.array(["a", "a", "b", "c", "c", "d"])
    labels = np.array([0, 0, 0, 1, 1, 1], np.int8)
    weights = metrics.resamples(sources, labels, 200)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 0] + weights[:, 2] == 2).all()
    assert (weights[:, 3] + weights[:, 5] == 2).all()


def test_the_interval_holds_the_value_and_widens_with_fewer_sources() -> None:
    random = np.random.default_rng(2)
    labels = np.repeat(np.array([0, 1], np.int8), 300)
    p = random.normal(labels * 1.0)
    widths = []
    for each in (10, 100):
        sources = np.array([f"s{number // each}" for number in range(600)])
        low, high = metrics.interval(metrics.bootstrap(lambda w: metrics.auroc(p, labels, w), sources, labels, 300))
        assert low < metrics.auroc(p, labels) < high
        widths.append(high - low)
    assert 0 < widths[0] < 0.2
