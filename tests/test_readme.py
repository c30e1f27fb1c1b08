"""README.md: every command in it is run, by .ci/run or by a test, and what it says of the code is so."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bot.accounts.discord import PERMISSIONS, SCOPES
from bot.settings import SECRETS, packaged_config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")

RUN_BY_TESTS = {
    "uv run candid setup discord": "tests/commands/test_setup.py::test_discord_from_standard_input",
    "uv run candid setup telegram": "tests/commands/test_setup.py::test_telegram_as_an_option_beside_another_config",
    "uv run candid --config my.toml": "tests/commands/test_real.py::test_the_page_and_the_command_line_agree",
    "uv run --extra heic --extra c2pa candid": "tests/test_readme.py::test_the_extras_that_it_names_exist",
    "uv run candid review list": "tests/commands/test_review.py::test_what_is_approved_comes_out_as_it_came_and_nobody_is_named",
    "uv run candid review export data/community": "tests/commands/test_review.py::test_a_repeated_run_adds_what_is_new_and_has_no_doubles",
    "docker compose up --build --detach": "tests/test_container.py::test_hadolint_finds_nothing",
}


def commands() -> list[str]:
    """The lines of its `sh` blocks, and its one-line commands between backticks."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", README, re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return lines + re.findall(r"`(uv run [^`]+)`", README)


@pytest.mark.parametrize("command", commands())
def test_every_command_is_run(command: str) -> None:
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    if command in RUN_BY_TESTS:
        path, _, test = RUN_BY_TESTS[command].partition("::")
        assert f"def {test}(" in (ROOT / path).read_text("utf-8")
    elif command.startswith("uv run --extra training python -m training."):
        _options_are_known(command)
    elif command.startswith(("mkdir ", "touch ", "python3 ", "chmod ")):
        assert command in secrets_folder_commands()
    else:
        assert command in ci


def _options_are_known(command: str) -> None:
    words = shlex.split(command)
    module, options = words[6], [word for word in words[7:] if word.startswith("--")]
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for option in options:
        assert option in done.stdout


def secrets_folder_commands() -> list[str]:
    return [line for line in commands() if "secrets" in line and not line.startswith("docker")]


def test_the_commands_that_make_the_secrets(tmp_path: Path) -> None:
    subprocess.run(["bash", "-euc", "\n".join(secrets_folder_commands())], cwd=tmp_path, check=True)
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    found = {file.name: file.stat() for file in (tmp_path / "secrets").iterdir()}
    assert set(found) == {"discord_token", "telegram_token", "web_token"}
    assert found["web_token"].st_size > 24 and found["discord_token"].st_size == 0
    assert all(one.st_mode & 0o777 == 0o644 for one in found.values())


def test_the_extras_that_it_names_exist() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    for extra in re.findall(r"--extra (\w+)", README):
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE)


def test_what_it_says_of_discord_is_so() -> None:
    assert f"`{PERMISSIONS.value}`" in README
    assert all(f"`{scope}`" in README for scope in SCOPES)


def test_what_it_says_of_settings_is_so() -> None:
    assert all(f"`{name}`" in README for name in SECRETS.values())
    for key in ("message_content", "keep_days", "host"):
        assert re.search(rf"^{key} = ", packaged_config().read_text("utf-8"), re.MULTILINE)


def test_its_links_into_the_repository_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
