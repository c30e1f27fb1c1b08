"""The command line itself: help without heavy imports, versions, errors in one sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

from bot import __version__
from tests.commands.candid import ROOT, candid


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from bot.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'keras', 'jax', 'discord', 'telegram', 'numpy', 'PIL', 'aiohttp', 'asyncio'} & set(sys.modules)\n"
        "sys.exit(' '.join(sorted(heavy)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for word in ("check", "setup", "doctor", "--config"):
        assert word in done.stdout


async def test_version(tmp_path: Path) -> None:
    assert (await candid("--version", cwd=tmp_path)).out == f"Candid {__version__}\n"


@pytest.mark.parametrize("arguments", [(), ("check", "x.png"), ("doctor",), ("setup", "discord")])
async def test_a_wrong_setting_is_one_sentence(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "own.toml").write_text("[web]\nprot = 1\n")
    ended = await candid(*arguments, "--config", "own.toml", cwd=tmp_path)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "candid: own.toml: [web] prot is unknown. Did you mean port?\n"


async def test_nothing_to_run(tmp_path: Path) -> None:
    ended = await candid(cwd=tmp_path, CANDID_WEB__ENABLED="false")
    assert ended.code == 1 and ended.err.startswith("candid: [web] enabled is false and there is no token")
