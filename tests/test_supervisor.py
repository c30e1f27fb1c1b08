"""The supervisor: restarts, waits longer each time, gives up when told to, and closes gracefully."""

import asyncio
import logging
from collections.abc import Iterator

import aiohttp
import pytest

from bot.errors import GiveUp, TryLater
from bot.supervisor import BackOff, Supervisor

QUICK = BackOff(first=0.001, most=0.004, healthy=30.0)


class Scripted:
    """An adapter that fails as the script says, then works until it is closed."""

    name = "scripted"

    def __init__(self, *script: Exception) -> None:
        self.status = "starting"
        self.runs = 0
        self.closed = asyncio.Event()
        self.works = asyncio.Event()
        self._script: Iterator[Exception] = iter(script)

    async def run(self) -> None:
        self.runs += 1
        if (error := next(self._script, None)) is not None:
            raise error
        self.status = "running"
        self.works.set()
        await self.closed.wait()

    async def close(self) -> None:
        self.closed.set()


async def test_any_exception_leads_to_another_run(caplog: pytest.LogCaptureFixture) -> None:
    adapter = Scripted(
        OSError(104, "Connection reset by peer"), AttributeError("ws"), aiohttp.ClientError(), TryLater(1)
    )
    supervisor = Supervisor(adapter, QUICK)
    task = asyncio.create_task(supervisor.run())
    await asyncio.wait_for(adapter.works.wait(), 10)
    assert (adapter.runs, supervisor.status, supervisor.failures) == (5, "running", 4)
    await supervisor.close()
    await asyncio.wait_for(task, 10)
    assert supervisor.status == "closed"
    texts = [record.getMessage() for record in caplog.records]
    assert texts[0].startswith("scripted is down and tries again in 0 s: ConnectionResetError: [Errno 104]")
    assert texts[1] == "scripted is down and tries again in 0 s, because of a bug" and caplog.records[1].exc_info
    assert texts[2].endswith(": ClientError") and not caplog.records[2].exc_info
    assert "tries again in 1 s: That is a lot" in texts[3]


async def test_give_up_stops_this_adapter_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    adapter = Scripted(GiveUp("The token was revoked; run candid setup."))
    supervisor = Supervisor(adapter, QUICK)
    await asyncio.wait_for(supervisor.run(), 10)
    assert adapter.runs == 1
    assert supervisor.status == "stopped: The token was revoked; run candid setup."
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [
        (logging.ERROR, "scripted is stopped until a person acts: The token was revoked; run candid setup.")
    ]


async def test_an_adapter_that_ends_by_itself_is_run_again() -> None:
    adapter = Scripted()
    supervisor = Supervisor(adapter, QUICK)
    task = asyncio.create_task(supervisor.run())
    await adapter.works.wait()
    adapter.works.clear()
    adapter.closed.set()
    await asyncio.wait_for(adapter.works.wait(), 10)
    assert adapter.runs >= 2
    await supervisor.close()
    await asyncio.wait_for(task, 10)


async def test_closing_while_waiting_does_not_wait() -> None:
    supervisor = Supervisor(Scripted(OSError("down")), BackOff(first=3600, most=3600))
    task = asyncio.create_task(supervisor.run())
    for _ in range(5):
        await asyncio.sleep(0)
    assert supervisor.status == "waiting: OSError: down"
    await supervisor.close()
    await asyncio.wait_for(task, 10)


async def test_a_failure_while_closing_is_said_and_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    class Clumsy(Scripted):
        async def run(self) -> None:
            await super().run()
            raise OSError("half closed")

    adapter = Clumsy()
    supervisor = Supervisor(adapter, QUICK)
    task = asyncio.create_task(supervisor.run())
    await adapter.works.wait()
    await supervisor.close()
    await asyncio.wait_for(task, 10)
    assert adapter.runs == 1
    assert caplog.messages == ["scripted did not close well: OSError: half closed"]


async def test_cancelling_ends_it() -> None:
    adapter = Scripted()
    task = asyncio.create_task(Supervisor(adapter, QUICK).run())
    await adapter.works.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_healthy_while_forgives_earlier_failures() -> None:
    adapter = Scripted(OSError("1"), OSError("2"), OSError("3"))
    supervisor = Supervisor(adapter, BackOff(first=0.001, most=0.004, healthy=0.0))
    task = asyncio.create_task(supervisor.run())
    await asyncio.wait_for(adapter.works.wait(), 10)
    assert supervisor.failures == 1
    await supervisor.close()
    await task


def test_waits_double_up_to_the_most() -> None:
    back_off = BackOff(first=1.0, most=60.0)
    for failures, full in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60)]:
        waits = [back_off.wait(failures) for _ in range(50)]
        assert full / 2 <= min(waits) <= max(waits) <= full and len(set(waits)) > 1
