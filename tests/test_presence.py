"""Processes that share a database: what one that has ended leaves open is another's, and is answered by one only."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

import bot.presence
from bot.inbox import MOST_RESTARTS, Inbox, TakenOver
from bot.presence import Presence
from bot.store import Store


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.presence, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(bot.presence, "LEASE_SECONDS", 0.5)


@asynccontextmanager
async def living(store: Store, role: str = "") -> AsyncIterator[Inbox]:
    """A process that ends as on SIGTERM."""
    presence = Presence(store, role)
    await presence.start()
    yield Inbox(store, 900, presence)
    await presence.close()


async def killed(store: Store, *keys: str, group: str = "") -> Inbox:
    """One that accepted these and was killed: its heart stands still, its row stays."""
    presence = Presence(store)
    await presence.start()
    assert presence._beating is not None
    presence._beating.cancel()
    inbox = Inbox(store, 900, presence)
    for key in keys:
        assert await inbox.accept(key, "discord", {"of": key}, group)
    return inbox


async def keys(inbox: Inbox, platform: str = "discord") -> list[str]:
    fresh, stale = await inbox.orphans(platform)
    assert stale == []
    return [request.key for request in fresh]


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_what_a_living_process_has_in_hand_is_left_alone(store: Store) -> None:
    async with living(store) as one, living(store) as two:
        assert await one.accept("1", "discord", {})
        await asyncio.sleep(1.5)  # three leases long
        assert await keys(two) == [] and await keys(one) == []
        assert await two.unanswered("discord") == ([], [])
        assert not await two.accept("1", "discord", {}), "an event that two get is one"
        await one.update("1", sending=True)


async def test_what_a_killed_process_left_open_is_taken_up_by_one_of_the_living(store: Store) -> None:
    await killed(store, "1", "2", "3")
    async with living(store) as one, living(store) as two:
        assert await keys(one) == [] == await keys(two), "it may be alive yet"
        found: list[str] = []

        async def all_found() -> bool:
            for some in await asyncio.gather(keys(one), keys(two)):
                found.extend(some)
            return len(found) >= 3

        await until(all_found)
        assert sorted(found) == ["1", "2", "3"]
        assert await keys(one) == [] == await keys(two), "what is in hand is no orphan"


async def test_what_a_process_leaves_when_it_is_told_to_end_is_taken_up_at_once(store: Store) -> None:
    async with living(store) as heir:
        async with living(store) as one:
            assert await one.accept("1", "discord", {"of": "1"})
            assert await keys(heir) == []
        assert await keys(heir) == ["1"]
        assert [request.key for request in (await heir.unanswered("discord"))[0]] == ["1"]


async def test_one_that_was_only_slow_is_told_before_it_answers(store: Store) -> None:
    slow = await killed(store, "1", "2")
    async with living(store) as heir:
        await until(lambda: _is(keys(heir), ["1", "2"]))
        with pytest.raises(TakenOver):
            await slow.update("1", sending=True)
        await heir.update("1", sending=True)
        await slow.done("2")  # it had said it already
        with pytest.raises(TakenOver):
            await heir.update("2", sending=True)
        await heir.done("1")
        assert await heir.unanswered("discord") == ([], [])


async def test_one_that_was_only_slow_comes_back(store: Store) -> None:
    slow = Presence(store)
    await slow.start()
    assert slow._beating is not None
    slow._beating.cancel()
    async with living(store) as other:
        await until(lambda: _is(_processes(store), 1))
        await slow._beat()
        assert await _processes(store) == 2
        assert await Inbox(store, 900, slow).accept("3", "discord", {})
        assert await keys(other) == []
    await slow.close()
    assert await _processes(store) == 0


async def test_a_database_that_was_away_ends_nobody(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    other = await killed(store, "1")  # whose heart will beat again a little later
    async with living(store) as one:
        change = store.change

        async def away(*values: object, **named: object) -> int:
            raise sqlite3.OperationalError("the server is away")

        monkeypatch.setattr(store, "change", away)
        await asyncio.sleep(1.5)  # three leases long
        monkeypatch.setattr(store, "change", change)
        await asyncio.sleep(0.25)
        assert await keys(one) == []
        assert other._presence is not None
        await other._presence._beat()
        await other.update("1", sending=True)
        await until(lambda: _is(keys(one), ["1"]))  # it is silent again


async def test_what_was_answered_while_the_database_was_away_is_struck_off_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(store) as inbox:
        assert await inbox.accept("1", "discord", {})
        change = store.change

        async def away(*values: object, **named: object) -> int:
            raise sqlite3.OperationalError("the server is away")

        monkeypatch.setattr(store, "change", away)
        await inbox.done("1")
        with pytest.raises(sqlite3.OperationalError):
            await inbox.orphans("discord")
        monkeypatch.setattr(store, "change", change)
        assert await inbox.orphans("discord") == ([], [])
        assert await inbox.unanswered("discord") == ([], [])


async def test_parts_of_an_album_are_one_process_business(store: Store) -> None:
    async with living(store) as one, living(store) as two:
        assert await one.accept("p1", "telegram", {"n": 1}, group="album")
        assert not await two.accept("p2", "telegram", {"n": 2}, group="album")
        assert await keys(one, "telegram") == ["p2"] and await keys(two, "telegram") == []
        for key in ("p1", "p2", "album"):
            await one.done(key)
        assert await two.accept("p3", "telegram", {"n": 3}, group="album"), "the album is answered: this came too late"
        assert await keys(one, "telegram") == []


async def test_an_album_of_a_killed_process_is_taken_up_whole(store: Store) -> None:
    await killed(store, "p1", "p2", group="album")
    async with living(store) as heir, living(store) as other:
        await until(lambda: _is(keys(heir), ["p1", "p2"]))
        assert not await other.accept("p3", "discord", {}, group="album")
        assert await keys(heir) == ["p3"]


async def test_what_processes_keep_ending_on_is_not_tried_for_ever(store: Store) -> None:
    async with living(store) as first:
        assert await first.accept("1", "discord", {})
    for _ in range(MOST_RESTARTS):
        async with living(store) as one:
            assert await keys(one) == ["1"]
    async with living(store) as last:
        fresh, stale = await last.orphans("discord")
        assert fresh == [] and [request.key for request in stale] == ["1"]


async def test_the_oldest_of_a_role_is_the_first(store: Store) -> None:
    async with living(store) as bystander:
        async with living(store, "webhook") as one, living(store, "webhook") as two:
            assert one.first and not two.first and bystander.first
            later = two
        async with living(store, "webhook") as three:
            assert three.first and not later.first
    assert Inbox(store, 900).first


async def test_orphans_are_found_while_others_are_accepted_and_answered(store: Store) -> None:
    """What is on its way into the inbox or out of it is never taken for an orphan."""
    async with living(store) as inbox:
        found: list[str] = []
        stop = asyncio.Event()

        async def look() -> None:
            while not stop.is_set():
                found.extend(await keys(inbox))

        looking = asyncio.create_task(look())
        for number in range(150):
            assert await inbox.accept(str(number), "discord", {})
            await inbox.update(str(number), sending=True)
            await inbox.done(str(number))
        stop.set()
        await looking
        assert found == []


async def _processes(store: Store) -> int:
    return len(await store.rows("SELECT name FROM processes"))


async def _is(found: Awaitable[object], expected: object) -> bool:
    return await found == expected
