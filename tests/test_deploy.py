"""The files for operators: what they look at is what Candid shows."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import bot.metrics

DEPLOY = Path(__file__).parents[1] / "deploy"
OF_THE_PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"}
OF_PROMETHEUS = {"up"}


def expressions() -> list[str]:
    board = json.loads((DEPLOY / "grafana.json").read_text())
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text())
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]] + [
        rule["expr"] for group in rules["groups"] for rule in group["rules"]
    ]


@pytest.mark.parametrize("expression", expressions())
def test_every_name_is_one_that_candid_shows(expression: str) -> None:
    documented = set(re.findall(r"candid_\w+", bot.metrics.__doc__ or ""))
    used = {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(r"\b(?:candid|process)_\w+", expression)}
    assert used <= documented | OF_THE_PROCESS
    assert used or any(name in expression for name in OF_PROMETHEUS)


def test_every_documented_name_is_on_the_dashboard() -> None:
    documented = set(re.findall(r"^(candid_\w+)", bot.metrics.__doc__ or "", re.MULTILINE))
    shown = (DEPLOY / "grafana.json").read_text()
    assert documented and {name for name in documented if name not in shown} == set()


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads((DEPLOY / "grafana.json").read_text())["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and max(x for x, _ in cells) < 24
        taken |= cells


def test_every_alert_says_what_to_do() -> None:
    for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["what_to_do"] and rule["labels"]["severity"] in ("page", "ticket")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian's prometheus) is not installed")
def test_prometheus_takes_the_rules() -> None:
    ended = subprocess.run(["promtool", "check", "rules", str(DEPLOY / "alerts.yml")], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
