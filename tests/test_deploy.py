"""The files for operators: what they look at is what Candid shows."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import bot.metrics
from bot.settings import SECRETS, default_settings

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


def manifests() -> list[dict[str, Any]]:
    return [
        one for file in sorted((DEPLOY / "kubernetes").glob("*.yaml")) for one in yaml.safe_load_all(file.read_text())
    ]


def test_every_setting_in_the_cluster_exists_and_no_container_is_more_than_it_must() -> None:
    deployments = [one for one in manifests() if one["kind"] == "Deployment"]
    assert {one["metadata"]["name"] for one in deployments} == {"candid-bot", "candid-redis", "candid-worker"}
    for deployment in deployments:
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            locked = container["securityContext"]
            assert locked["readOnlyRootFilesystem"] and locked["runAsNonRoot"] and "readinessProbe" in container
            environ = {one["name"]: "x" for one in container.get("env", ())}
            known = set(SECRETS.values())
            for name in environ:
                section, _, key = name.removeprefix("CANDID_").lower().partition("__")
                assert name in known or hasattr(getattr(default_settings(), section), key), name


def test_workers_grow_with_a_metric_that_they_show() -> None:
    (scaler,) = [one for one in manifests() if one["kind"] == "HorizontalPodAutoscaler"]
    assert scaler["spec"]["metrics"][0]["external"]["metric"]["name"] in (bot.metrics.__doc__ or "")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian's prometheus) is not installed")
def test_prometheus_takes_the_rules() -> None:
    ended = subprocess.run(["promtool", "check", "rules", str(DEPLOY / "alerts.yml")], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
