"""An accepted request is there until it is answered, whatever happens to the process."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.inbox import MOST_RESTARTS, Inbox, Request
from bot.store import Store


@pytest.fixture
def inbox(store: Store) -> Inbox:
    return Inbox(store, fresh_seconds=900)


async def open_keys(inbox: Inbox, platform: str = "discord") -> tuple[list[str], list[str]]:
    fresh, stale = await inbox.unanswered(platform)
    return [request.key for request in fresh], [request.key for request in stale]


async def test_a_request_is_open_until_it_is_done(inbox: Inbox) -> None:
    assert await inbox.accept("discord/1", "discord", {"channel": 5, "sources": [{"url": "x"}]})
    assert await inbox.accept("discord/2", "discord", {})
    assert await inbox.accept("telegram:1", "telegram", {})
    assert await open_keys(inbox) == (["discord/1", "discord/2"], [])
    assert await open_keys(inbox, "telegram") == (["telegram:1"], [])
    await inbox.done("discord/1")
    assert await open_keys(inbox) == (["discord/2"], [])


async def test_the_same_event_is_accepted_once_answered_or_not(inbox: Inbox) -> None:
    assert await inbox.accept("discord/1", "discord", {"channel": 5})
    assert not await inbox.accept("discord/1", "discord", {"channel": 6})
    await inbox.done("discord/1")
    assert not await inbox.accept("discord/1", "discord", {"channel": 7})
    assert await open_keys(inbox) == ([], [])


async def test_the_payload_can_be_added_to(inbox: Inbox) -> None:
    await inbox.accept("telegram:1", "telegram", {"chat": 5, "nested": {"a": 1}, "list": [1, 2]})
    await inbox.update("telegram:1", placeholder=77)
    await inbox.update("telegram:1", sending=True, list=[3], chat=6)
    await inbox.update("telegram:nobody", sending=True)
    ((request,), _) = await inbox.unanswered("telegram")
    assert request == Request(
        "telegram:1",
        "telegram",
        {"chat": 6, "nested": {"a": 1}, "list": [3], "placeholder": 77, "sending": True},
        request.accepted,
    )


async def test_what_is_done_keeps_nothing_but_its_key(inbox: Inbox, store: Store) -> None:
    await inbox.accept("discord/1", "discord", {"token": "of an interaction"})
    await inbox.done("discord/1")
    await inbox.update("discord/1", late=True)
    (row,) = await store.rows("SELECT key, payload FROM inbox")
    assert tuple(row) == ("discord/1", "{}")


async def test_what_waited_too_long_is_stale(inbox: Inbox, store: Store) -> None:
    await inbox.accept("discord/old", "discord", {})
    await store.change("UPDATE inbox SET accepted = accepted - 901")
    await inbox.accept("discord/new", "discord", {})
    assert await open_keys(inbox) == (["discord/new"], ["discord/old"])


async def test_what_candid_keeps_ending_on_is_not_tried_for_ever(store: Store) -> None:
    await Inbox(store, 900).accept("discord/1", "discord", {})
    for _ in range(MOST_RESTARTS):
        restarted = Inbox(store, 900)
        assert await open_keys(restarted) == (["discord/1"], [])
        assert await open_keys(restarted) == (["discord/1"], []), "an adapter that starts again is no restart"
        await restarted.accept("discord/2", "discord", {})
        await restarted.done("discord/2")
    assert await open_keys(Inbox(store, 900)) == ([], ["discord/1"])


ACCEPTS_UNTIL_KILLED = """
import asyncio, itertools, pathlib, sys
from bot.inbox import Inbox
from bot.store import Store

async def main():
    inbox = Inbox(await Store.open(pathlib.Path(sys.argv[1])), 900)
    for number in itertools.count():
        assert await inbox.accept(f"discord/{number}", "discord", {"number": number})
        if number % 2:
            await inbox.done(f"discord/{number}")
        print(number, flush=True)

asyncio.run(main())
"""


async def test_nothing_that_was_promised_is_lost_by_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "candid.sqlite3"
    command = [sys.executable, "-c", ACCEPTS_UNTIL_KILLED, str(path)]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:  # noqa: ASYNC220
        assert process.stdout is not None
        promised = 0
        while promised < 100:
            promised = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        promised = max([promised, *(int(line) for line in process.stdout if line.endswith("\n"))])
    store = await Store.open(path)
    fresh, stale = await Inbox(store, 900).unanswered("discord")
    numbers = [request.payload["number"] for request in fresh]
    assert numbers[: promised // 2 + 1] == list(range(0, promised + 1, 2))
    assert len(numbers) <= promised // 2 + 2, "only the one request in the killed process' hands may be there as well"
    assert stale == []
    assert not await Inbox(store, 900).accept("discord/1", "discord", {}), (
        "an answered one is known after the crash too"
    )
    await store.close()
