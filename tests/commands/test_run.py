"""`candid` as a process: it greets, answers, drains on SIGTERM, and does not wait for a model that it won't need."""

import asyncio
import os
import re
import signal
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from bot.commands import run
from bot.greeting import greeting
from bot.settings import Secret, Settings
from tests.commands.candid import ROOT
from tests.commands.conftest import add_version
from tests.conftest import make_picture


async def start(folder: Path, seconds_to_load: float, **environ: str) -> tuple[asyncio.subprocess.Process, str]:
    """The process and the address of its page, from its log."""
    add_version(folder / "versions", "fake-1")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.commands.fake_candid", str(seconds_to_load)),
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "CANDID_WEB__PORT": "0",
            "CANDID_MODEL__DIRECTORY": str(folder / "versions"),
            **environ,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while line := (await process.stderr.readline()).decode():
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                return process, found[0]
    raise AssertionError("it ended before its page was there")


async def end(process: asyncio.subprocess.Process) -> str:
    """Its remaining log."""
    _, err = await asyncio.wait_for(process.communicate(), 60)
    return err.decode()


async def test_what_was_accepted_is_answered_after_sigterm(tmp_path: Path) -> None:
    process, url = await start(tmp_path, 0)
    async with aiohttp.ClientSession(url) as client:
        async with asyncio.timeout(30):
            while (await client.get("/readyz")).status != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        request = asyncio.create_task(client.post("/api/check", data=make_picture(230)))
        async with asyncio.timeout(30):
            while not re.search(r'stage="decode"} 1', await (await client.get("/metrics")).text()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        response = await request
        assert response.status == 200 and (await response.json())["label"] == "ai"
    log = await end(process)
    assert process.returncode == 0, log
    assert "Stopping" in log and "Stopped" in log and "Traceback" not in log
    assert (tmp_path / "data" / "candid.sqlite3").exists()


async def test_a_loading_model_does_not_hold_up_the_end(tmp_path: Path) -> None:
    process, _ = await start(tmp_path, 600)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    log = await end(process)
    assert process.returncode == 0 and "Stopped" in log and time.monotonic() - began < 30


def test_the_greeting(settings: Settings) -> None:
    lines = greeting(settings, "http://127.0.0.1:8080")
    assert lines[0].startswith("Candid ")
    text = "\n".join(lines)
    assert "Page      http://127.0.0.1:8080" in text
    assert "candid setup discord" in text and "candid setup telegram" in text
    connected = greeting(run_with_token(settings), "")
    assert "connecting" in "\n".join(connected) and "can't be opened" in "\n".join(connected)


def run_with_token(settings: Settings) -> Settings:
    from dataclasses import replace

    return replace(settings, discord=replace(settings.discord, token=Secret("t")))


def test_a_terminal_is_greeted_and_a_pipe_is_not(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Page:
        web = None
        settings: Settings

    app = Page()
    app.settings = settings
    run._greet(app)  # type: ignore[arg-type]
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    run._greet(app)  # type: ignore[arg-type]
    assert capsys.readouterr().out.startswith("Candid ")
