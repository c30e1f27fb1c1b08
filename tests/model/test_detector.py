import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from model.card import read_card
from model.detector import Detector, load
from tests.model.made import patched

RED, GREEN, GREY, BLUE = (220, 20, 20), (20, 220, 20), (120, 120, 120), (20, 20, 220)


def test_red_is_ai_and_green_is_real(detector: Detector) -> None:
    for colour, label in ((RED, "ai"), (GREEN, "real")):
        pixels = np.full((90, 120, 3), colour, np.uint8)
        (score,) = detector.judge([detector.views(pixels)])
        assert score.label == label
        assert score.confidence > 0.9
        assert len(score.views) == 8
        assert all((p > 0.5) == (label == "ai") for p in score.views)


def test_unsure_has_the_likelier_side_as_its_confidence(detector: Detector) -> None:
    (score,) = detector.judge([detector.views(np.full((90, 120, 3), GREY, np.uint8))])
    assert score.label == "unsure"
    assert score.confidence == pytest.approx(max(score.p_ai, 1 - score.p_ai))


def test_a_batch_gives_what_each_picture_alone_gives(detector: Detector) -> None:
    views = [detector.views(patched(seed, RED)) for seed in range(detector.max_pictures)]
    together = [score.p_ai for score in detector.judge(views)]
    alone = [detector.judge([view])[0].p_ai for view in views]
    assert together == pytest.approx(alone, abs=1e-5)


def test_the_number_of_pictures_is_checked(detector: Detector) -> None:
    views = detector.views(patched(0, RED))
    for wrong in ([], [views] * (detector.max_pictures + 1)):
        with pytest.raises(ValueError, match="pictures"):
            detector.judge(wrong)


def test_threads_do_not_mix_pictures_up(detector: Detector) -> None:
    colours = [RED, GREEN] * 10
    views = [detector.views(np.full((64, 64, 3), colour, np.uint8)) for colour in colours]
    with ThreadPoolExecutor(4) as pool:
        scores = list(pool.map(lambda view: detector.judge([view])[0], views))
    assert [score.label for score in scores] == ["ai", "real"] * 10


def test_the_number_of_views_is_a_choice(version: Path) -> None:
    detector = load(version, views=2)
    views = detector.views(patched(0, RED))
    assert len(views.kinds) == 2
    assert len(detector.judge([views])[0].views) == 2


def test_a_card_of_other_weights_is_refused(version: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(version, tmp_path / "copy")
    assert read_card(copy).version == "red"
    card = json.loads((copy / "card.json").read_text())
    (copy / "card.json").write_text(json.dumps({**card, "sha256": "0" * 64}))
    with pytest.raises(ValueError, match="not the file that"):
        read_card(copy)


def logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def test_the_score_follows_both_networks(detector: Detector, composed: Detector) -> None:
    assert composed.card.composition == "blue"
    grey = patched(1, GREY)
    (neither,) = composed.judge([composed.views(grey)])
    assert neither.p_ai == pytest.approx(0.5, abs=1e-3)
    pixels = grey.copy()
    pixels[..., 0] += 4
    red, plain = composed.judge([composed.views(pixels)])[0], detector.judge([detector.views(pixels)])[0]
    pixels[..., 2] += 4  # which is nothing to the network for red
    both = composed.judge([composed.views(pixels)])[0]
    pixels[..., 0] = grey[..., 0]
    blue = composed.judge([composed.views(pixels)])[0]
    # each place's logit is twice the difference over 32, and blue counts three times
    assert logit(red.p_ai) == pytest.approx(0.25, abs=0.02)
    assert red.p_ai == pytest.approx(plain.p_ai, abs=1e-4), "composition sees no blue"
    assert logit(blue.p_ai) == pytest.approx(0.75, abs=0.02)
    assert logit(both.p_ai) == pytest.approx(1.0, abs=0.02)


def test_there_is_one_figure_a_view_and_one_for_the_whole(detector: Detector, composed: Detector) -> None:
    pixels = patched(2, RED)
    pixels[..., 2] //= 2
    score = composed.judge([composed.views(pixels)])[0]
    plain = detector.judge([detector.views(pixels)])[0]
    assert score.p_ai < plain.p_ai - 0.1
    assert len(score.views) == 9
    assert score.views[:-1] == pytest.approx(plain.views, abs=1e-4)
    assert score.views[-1] < 0.5 <= min(score.views[:-1])


def test_a_batch_of_both_networks_gives_what_each_picture_alone_gives(composed: Detector) -> None:
    colours = (RED, BLUE, GREEN, GREY)
    views = [composed.views(patched(seed, colours[seed % 4])) for seed in range(composed.max_pictures)]
    together = [score.p_ai for score in composed.judge(views)]
    assert np.ptp(together) > 0.1
    assert together == pytest.approx([composed.judge([view])[0].p_ai for view in views], abs=1e-5)


def test_composition_looks_at_the_middle_of_a_long_picture(composed: Detector) -> None:
    pixels = np.full((60, 600, 3), 120, np.uint8)
    pixels[:, 270:330, 2] += 4
    middle = composed.judge([composed.views(pixels)])[0]
    aside = composed.judge([composed.views(np.roll(pixels, 150, axis=1))])[0]
    assert middle.p_ai > 0.6
    assert aside.p_ai == pytest.approx(0.5, abs=1e-3)


def test_the_map_shows_where_composition_saw_it(detector: Detector, composed: Detector) -> None:
    pixels = np.full((200, 200, 3), 120, np.uint8)
    pixels[20:80, 120:180] = (120, 120, 200)
    heat = composed.explain(pixels)
    assert heat.shape == (200, 200)
    assert heat[30:70, 130:170].mean() > 0.6
    assert abs(heat[100:, :100].mean()) < 0.1
    assert np.abs(detector.explain(pixels)).max() < 1e-3, "there is no red to see"
    pixels[20:80, 20:80] = (120, 200, 120)  # speaks for real to both
    heat = composed.explain(pixels)
    assert heat[30:70, 30:70].mean() < -0.6 and heat[30:70, 130:170].mean() > 0.3


@pytest.mark.usefixtures("composed")  # which makes "blue" known
def test_a_card_may_name_no_network_that_is_unknown(version: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(version, tmp_path / "copy")
    card = json.loads((copy / "card.json").read_text())
    (copy / "card.json").write_text(json.dumps({**card, "composition": "from_next_year", "composition_side": 32}))
    with pytest.raises(ValueError, match="no network 'from_next_year'"):
        load(copy)
    (copy / "card.json").write_text(json.dumps({**card, "composition": "blue", "composition_side": 32}))
    with pytest.raises(ValueError, match="has no weight composition/maps/kernel"):
        load(copy)
