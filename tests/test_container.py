"""The Dockerfile and compose.yaml: linted, and what they promise is in them. No Docker engine is needed."""

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

import bot.app
from bot.settings import SECRETS, load_settings

WORKERS_DRAIN = 20.0  # bot.scale.worker.DRAIN_SECONDS, which needs the extra `scale`
ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICE: dict[str, Any] = COMPOSE["services"]["candid"]


def instructions() -> list[tuple[str, str]]:
    """(name, arguments) of each instruction, continued lines joined."""
    joined = DOCKERFILE.replace("\\\n", " ")
    lines = [line.strip() for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def last_stage() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, arguments in instructions():
        found = {} if name == "FROM" else found | {name: arguments}
    return found


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_two_stages_of_a_slim_image() -> None:
    images = [arguments.split()[0] for name, arguments in instructions() if name == "FROM"]
    assert len(images) == 2 and all(re.fullmatch(r"python:3\.1[123]-slim", image) for image in images)


def test_it_runs_as_nobody_in_particular_and_says_whether_it_lives() -> None:
    stage = last_stage()
    assert stage["USER"] == "10001:10001"
    assert stage["VOLUME"] == "/data" and stage["ENTRYPOINT"] == '["candid"]'
    assert "/healthz" in stage["HEALTHCHECK"]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    ignore = (ROOT / ".dockerignore").read_text("utf-8").split()
    kept = [line[1:] for line in ignore if line.startswith("!")]
    assert "*" in ignore
    for name, arguments in instructions():
        if name == "COPY" and not arguments.startswith("--from"):
            for source in arguments.split()[:-1]:
                assert (ROOT / source).exists() and any(fnmatch(source, pattern) for pattern in kept), source
    assert not any(fnmatch(".env", pattern) for pattern in kept) and "secrets" not in kept


def test_the_package_has_what_it_needs_to_be_built() -> None:
    copied = " ".join(arguments for name, arguments in instructions() if name == "COPY")
    for needed in ("pyproject.toml", "uv.lock", "README.md", "LICENSE", "config.toml", "bot", "model", "training"):
        assert re.search(rf"\b{re.escape(needed)}\b", copied), needed


def test_compose_gives_as_little_as_possible() -> None:
    assert SERVICE["read_only"] is True and SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    assert any(mount.startswith("/tmp") for mount in SERVICE["tmpfs"])
    assert SERVICE["volumes"] == ["data:/data"] and "data" in COMPOSE["volumes"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICE["ports"])
    for name in ("candid", "worker"):
        service = COMPOSE["services"][name]
        assert "/readyz" in service["healthcheck"]["test"][-1] and service["restart"] == "unless-stopped"
        assert int(service["stop_grace_period"].removesuffix("s")) > max(bot.app.DRAIN_SECONDS, WORKERS_DRAIN) + 5


def test_its_secrets_are_files_and_its_settings_are_accepted(tmp_path: Path) -> None:
    environ = {name: "" if value == f"${{{name}:-}}" else value for name, value in SERVICE["environment"].items()}
    names = {f"{name}_FILE" for name in SECRETS.values()}
    for key in [key for key in environ if key in names]:
        secret = environ[key].removeprefix("/run/secrets/")
        assert secret in SERVICE["secrets"] and COMPOSE["secrets"][secret]["file"] == f"secrets/{secret}"
        (tmp_path / secret).write_text("token")
        environ[key] = str(tmp_path / secret)
    settings = load_settings(environ=environ)
    assert settings.web.host == "0.0.0.0" and settings.web.token and settings.discord.token and settings.telegram.token


def test_review_is_switched_on_by_taking_away_comment_signs(tmp_path: Path) -> None:
    text = (ROOT / "compose.yaml").read_text("utf-8")
    assert "review_key" not in COMPOSE["secrets"]  # a file that a secret names must be there
    lines = r"# (?=CANDID_REVIEW__|REVIEW_KEY_FILE|- review_key|review_key:|  file: secrets/review_key)"
    compose = yaml.safe_load(re.sub(lines, "", text))
    service = compose["services"]["candid"]
    assert "review_key" in service["secrets"] and compose["secrets"]["review_key"] == {"file": "secrets/review_key"}
    (tmp_path / "key").write_text("a long random text".replace(" ", "-"))
    wanted = {name: value for name, value in service["environment"].items() if "REVIEW" in name}
    assert wanted.pop("REVIEW_KEY_FILE") == "/run/secrets/review_key"
    settings = load_settings(environ={**wanted, "REVIEW_KEY_FILE": str(tmp_path / "key")})
    assert settings.review.key and settings.review.directory.startswith("/data/")  # in the volume
    assert {**compose, "services": {}, "secrets": {}} == {**COMPOSE, "services": {}, "secrets": {}}


def test_its_environment_is_accepted() -> None:
    pairs = dict(pair.split("=", 1) for pair in last_stage()["ENV"].split())
    assert load_settings(environ=pairs).store.path == "/data/candid.sqlite3"
