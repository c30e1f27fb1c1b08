"""`candid` and `candid check` as two processes with the model that is shipped: they say the same of a picture."""

import asyncio
import json
import re
import signal
from pathlib import Path

import aiohttp
import pytest

from model.registry import Registry
from tests.commands.candid import candid, start
from tests.conftest import make_picture

SHIPPED = Registry()
EXACT = 0.002  # batches of other sizes add up in another order


@pytest.mark.skipif(not SHIPPED.versions(), reason="no model is shipped in model/versions")
async def test_the_page_and_the_command_line_agree(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("[web]\nport = 0\n[model]\ncache_directory = 'compiled'\n")
    (tmp_path / "picture.jpg").write_bytes(make_picture(120, side=300, format="JPEG"))
    process = await start("--config", "my.toml", cwd=tmp_path)
    assert process.stderr is not None
    log = ""
    async with asyncio.timeout(200):
        while "is warm" not in log:
            line = (await process.stderr.readline()).decode()
            assert line, log
            log += line
        found = re.search(r"http://127\.0\.0\.1:\d+", log)
        assert found
        async with aiohttp.ClientSession(found[0]) as client:
            picture = (tmp_path / "picture.jpg").read_bytes()
            async with client.post("/api/check", data=picture) as response:
                assert response.status == 200
                page = await response.json()
        process.send_signal(signal.SIGTERM)
        _, rest = await process.communicate()
    assert process.returncode == 0 and "Stopped" in rest.decode()

    ended = await candid("check", "--json", "picture.jpg", "--config", "my.toml", cwd=tmp_path)
    assert ended.code == 0, ended.err
    line = json.loads(ended.out)
    assert line["model"] == page["model"] == SHIPPED.champion()
    assert line["label"] == page["label"] and abs(line["p_ai"] - page["p_ai"]) < EXACT
