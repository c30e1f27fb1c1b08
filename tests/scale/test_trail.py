"""A worker writes about a picture under the id that the bot gave the request, and whoever asked is told that id."""

import asyncio
import json
from typing import Any

import pytest

from bot import trail
from bot.core import Asker, Picture
from bot.settings import Settings
from bot.store import Store
from tests.conftest import make_picture
from tests.scale.conftest import asking, until
from tests.scale.processes import worker_process


async def test_a_worker_logs_under_the_id_of_the_request(settings: Settings, store: Store) -> None:
    from bot.scale.wire import WorkerBug

    async def told(brightness: int) -> tuple[str, str]:
        """The id that was made here, and what is said of the worker's bug."""
        number = trail.begin()
        with pytest.raises(WorkerBug) as caught:
            await checker.check(Picture(make_picture(brightness)), Asker("web:1", "1"))
        return number, str(caught.value)

    async with worker_process(settings, FAKE_BROKEN="1") as worker, asking(settings, store) as checker:
        await until(lambda: checker._judge._workers)  # type: ignore[attr-defined]
        found = await asyncio.gather(*(told(brightness) for brightness in (20, 120, 220)))
    lines: list[dict[str, Any]] = [json.loads(line) for line in worker.log.splitlines()]
    assert len({number for number, _ in found}) == 3
    for number, says in found:
        assert says == f"error {number} in a worker"
        (line,) = [line for line in lines if line.get("request") == number]
        assert line["bug"] == number and "the network broke" in line["trace"]
