"""What a running Candid shows at /metrics is what is documented, and all that operators' files and pages name."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

import bot.metrics
from tests.commands.candid import ROOT
from tests.commands.test_run import end, start
from tests.conftest import make_picture

DOCUMENTED = set(re.findall(r"^(candid_\w+)", bot.metrics.__doc__ or "", re.MULTILINE))
OURS = re.compile(r"\b(?:candid|process)_[a-z_]+\b")
NO_METRIC = {"candid_bot", "candid_data"}  # names that only look like one


def families(text: str) -> set[str]:
    """The names of all that is shown, without the times at which counters were made."""
    names = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    return {name for name in names if not name.endswith("_created")}


def named() -> dict[str, set[str]]:
    """Of every page and file for operators the metrics that it names."""
    files = [*(ROOT / "deploy").rglob("*.*"), *(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "compose.yaml"]
    found = {}
    for file in files:
        if file.suffix in {".md", ".json", ".yml", ".yaml"}:
            names = {re.sub(r"_(bucket|count|sum)$", "", name) for name in OURS.findall(file.read_text("utf-8"))}
            found[str(file.relative_to(ROOT))] = names - NO_METRIC
    return found


@pytest.fixture
async def shown(tmp_path: Path) -> AsyncIterator[str]:
    """Of a process that has judged a picture, refused one, and told somebody to come again."""
    process, url = await start(tmp_path, 0, CANDID_CHECKS__PER_USER_BURST="2")
    async with aiohttp.ClientSession(url) as client:
        async with asyncio.timeout(30):
            while (await client.get("/readyz")).status != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        statuses = []
        for data in (make_picture(230), b"no picture", make_picture(30)):
            async with client.post("/api/check", data=data) as response:
                statuses.append(response.status)
        assert statuses == [200, 422, 429]
        async with client.get("/metrics") as response:
            yield await response.text()
    process.terminate()
    await end(process)


@pytest.mark.skipif(sys.platform != "linux", reason="what a process uses is only read on Linux")
async def test_what_is_shown_what_is_documented_and_what_is_named_are_the_same(shown: str) -> None:
    names = families(shown)
    assert {name for name in names if name.startswith("candid_")} == DOCUMENTED
    everywhere = named()
    assert everywhere["deploy/alerts.yml"] and everywhere["deploy/grafana.json"]
    assert everywhere["deploy/kubernetes/worker.yaml"] == {"candid_stream_depth"}
    for file, found in everywhere.items():
        assert found - names == set(), file


async def test_every_value_of_a_label_that_an_alert_asks_for_can_be_there(shown: str) -> None:
    asked = set(re.findall(r"(candid_\w+\{[^}]+\})", (ROOT / "deploy" / "alerts.yml").read_text("utf-8")))
    series = re.findall(r"^(candid_\w+)\{([^}]*)\}", shown, re.MULTILINE)
    labels = {(name, label) for name, pairs in series for label in re.findall(r'(\w+)="', pairs)}
    for one in asked:
        name, label, value = re.findall(r'^(\w+)\{(\w+)="(\w+)"\}$', one)[0]
        assert (name, label) in labels, one
        documented = re.split(
            rf"^{re.sub('_(bucket|count|sum)$', '', name)}\b", bot.metrics.__doc__ or "", flags=re.MULTILINE
        )[1]
        assert re.search(rf"\b{value}\b", documented.split("\ncandid_")[0]), one
    assert 'candid_later_total{reason="user"} 1.0' in shown and "candid_pictures_total 2.0" in shown
