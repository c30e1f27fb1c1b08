"""The counters say what happened, under the documented names only."""

import re

import bot.metrics
from bot.metrics import Metrics


def test_everything_counted_is_shown_under_documented_names() -> None:
    metrics = Metrics()
    metrics.verdict("ai", "web")
    metrics.verdict("ai", "web")
    metrics.refusal("too-small")
    metrics.queue_depth(3)
    metrics.seconds("judge", 0.02)
    metrics.loop_pause(0.004)
    metrics.loop_pause(0.002)
    metrics.model("old")
    metrics.model("new")
    works = [True]
    metrics.adapter("web", lambda: works[0])
    assert 'candid_adapter_up{adapter="web"} 1.0' in metrics.text().decode()
    works[0] = False
    assert 'candid_adapter_up{adapter="web"} 0.0' in metrics.text().decode()
    text = metrics.text().decode()
    assert "candid_pictures_total 3.0" in text
    assert 'candid_verdicts_total{adapter="web",label="ai"} 2.0' in text
    assert 'candid_refusals_total{reason="too-small"} 1.0' in text
    assert "candid_queue_depth 3.0" in text
    assert 'candid_stage_seconds_count{stage="judge"} 1.0' in text
    assert "candid_event_loop_longest_pause_seconds 0.004" in text
    assert metrics.longest_pause == 0.004
    assert 'candid_model_info{version="new"} 1.0' in text
    assert 'version="old"' not in text
    for name in re.findall(r"^# TYPE (candid_\w+)", text, re.MULTILINE):
        if not name.endswith("_created"):
            assert name in (bot.metrics.__doc__ or ""), f"{name} is not documented"


def test_two_sets_do_not_mix() -> None:
    one, two = Metrics(), Metrics()
    one.refusal("broken")
    assert "broken" not in two.text().decode()
