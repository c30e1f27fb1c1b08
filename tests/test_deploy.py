"""The files for operators: what they look at is what Candid shows."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import bot.app
import bot.metrics
from bot.adapters.discord.shards import parse_shards
from bot.settings import SECRETS, default_settings, load_settings

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
        one for file in sorted((DEPLOY / "kubernetes").rglob("*.yaml")) for one in yaml.safe_load_all(file.read_text())
    ]


def test_every_setting_in_the_cluster_exists_and_no_container_is_more_than_it_must() -> None:
    deployments = [one for one in manifests() if one["kind"] in ("Deployment", "StatefulSet")]
    assert {one["metadata"]["name"] for one in deployments} == {
        *("candid-bot", "candid-bots", "candid-postgres", "candid-redis", "candid-worker")
    }
    for deployment in deployments:
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            locked = container["securityContext"]
            assert locked["readOnlyRootFilesystem"] and locked["runAsNonRoot"] and "readinessProbe" in container
            environ = {one["name"]: "x" for one in container.get("env", ())}
            known = {*SECRETS.values(), "POD_INDEX"}
            if container["name"] == "postgres":
                continue  # not ours to know
            for name in environ:
                section, _, key = name.removeprefix("CANDID_").lower().partition("__")
                assert name in known or hasattr(getattr(default_settings(), section), key), name


@pytest.mark.parametrize("name", ["candid-bot", "candid-bots", "candid-worker"])
def test_the_cluster_asks_what_the_processes_answer_and_waits_for_their_end(name: str) -> None:
    (one,) = [
        one
        for one in manifests()
        if one["kind"] != "Service" and one["metadata"]["name"] == name and "template" in one["spec"]
    ]
    pod = one["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    asked = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness", "liveness")}
    assert asked == {"startup": "/healthz", "readiness": "/readyz", "liveness": "/healthz"}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports["http"] == default_settings().web.port
    assert pod["terminationGracePeriodSeconds"] > bot.app.DRAIN_SECONDS + 10
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert "/tmp" in mounted and ("worker" in name or "/data" in mounted)


def test_each_of_several_bots_has_shards_of_its_own_and_all_have_the_webhook() -> None:
    (bots,) = [one for one in manifests() if (one["kind"], one["metadata"]["name"]) == ("StatefulSet", "candid-bots")]
    (container,) = bots["spec"]["template"]["spec"]["containers"]
    environ = {one["name"]: one.get("value", "") for one in container["env"]}
    replicas = bots["spec"]["replicas"]
    held = [
        parse_shards(environ["CANDID_DISCORD__SHARDS"].replace("$(POD_INDEX)", str(index))) for index in range(replicas)
    ]
    assert [shards.ids for shards in held if shards] == [(index,) for index in range(replicas)]
    assert {shards.count for shards in held if shards} == {replicas}
    addresses = {"DATABASE_URL": "postgresql://x@x/x", "REDIS_URL": "redis://x"}
    secrets = {name: addresses.get(name, "x") for name in SECRETS.values()}
    own = {name: value for name, value in environ.items() if name.startswith("CANDID_TELEGRAM")}
    settings = load_settings(environ=secrets | own)
    assert settings.telegram.mode == "webhook"
    (hook,) = [one for one in manifests() if one["metadata"]["name"] == "candid-hook"]
    (port,) = [one for one in container["ports"] if one["name"] == hook["spec"]["ports"][0]["targetPort"]]
    assert settings.telegram.webhook_listen == f"0.0.0.0:{port['containerPort']}"


def test_workers_grow_with_a_metric_that_they_show() -> None:
    (scaler,) = [one for one in manifests() if one["kind"] == "HorizontalPodAutoscaler"]
    assert scaler["spec"]["metrics"][0]["external"]["metric"]["name"] in (bot.metrics.__doc__ or "")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian's prometheus) is not installed")
def test_prometheus_takes_the_rules() -> None:
    ended = subprocess.run(["promtool", "check", "rules", str(DEPLOY / "alerts.yml")], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
