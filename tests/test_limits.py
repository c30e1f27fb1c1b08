"""Token buckets by a clock of our own, and turns that are fair to every chat."""

import asyncio
from dataclasses import replace

import pytest

from bot.errors import TryLater
from bot.limits import Buckets, FairTurns, Lane, Limits
from bot.settings import ChecksSettings


class Clock:
    """Goes on when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_its_burst_and_fills_up_by_the_minute() -> None:
    clock = Clock()
    buckets = Buckets(burst=3, per_minute=6, clock=clock)
    for _ in range(3):
        assert buckets.wait("anna") == 0
        buckets.take("anna")
    assert buckets.wait("anna") == pytest.approx(10)
    assert buckets.wait("ben") == 0
    clock.now += 4
    assert buckets.wait("anna") == pytest.approx(6)
    clock.now += 6
    assert buckets.wait("anna") == 0
    buckets.take("anna")
    clock.now += 3600
    for _ in range(3):
        assert buckets.wait("anna") == 0
        buckets.take("anna")
    assert buckets.wait("anna") > 0


def test_buckets_that_are_full_again_are_forgotten() -> None:
    clock = Clock()
    buckets = Buckets(burst=2, per_minute=60, clock=clock)
    for number in range(100):
        buckets.take(f"person {number}")
    assert len(buckets) == 100
    clock.now += 2.5
    buckets.take("somebody else")
    assert len(buckets) == 1


def test_asking_costs_nothing_and_leaves_nothing() -> None:
    buckets = Buckets(burst=1, per_minute=1, clock=Clock())
    assert buckets.wait("anna") == buckets.wait("anna") == 0
    assert len(buckets) == 0


async def test_the_limit_that_forbids_is_named_and_the_other_is_not_charged(checks: ChecksSettings) -> None:
    clock = Clock()
    settings = replace(checks, per_user_burst=2, per_user_per_minute=60, per_chat_burst=3, per_chat_per_minute=6)
    limits = Limits(settings, clock)
    await limits.take("anna", "hall")
    await limits.take("anna", "hall")
    with pytest.raises(TryLater, match="You have sent many") as refused:
        await limits.take("anna", "hall")
    assert refused.value.seconds == 1
    await limits.take("ben", "hall")
    with pytest.raises(TryLater, match="Many pictures were sent here") as refused:
        await limits.take("ben", "hall")
    assert refused.value.seconds == 10
    await limits.take("ben", "garden")  # what the hall forbade did not cost ben anything
    with pytest.raises(TryLater):
        await limits.take("ben", "garden")


async def test_to_wait_as_long_as_told_is_long_enough(checks: ChecksSettings) -> None:
    clock = Clock()
    limits = Limits(replace(checks, per_user_burst=1, per_user_per_minute=23), clock)
    await limits.take("anna", "hall")
    with pytest.raises(TryLater) as refused:
        await limits.take("anna", "hall")
    clock.now += refused.value.seconds
    await limits.take("anna", "hall")


class Hall:
    """People who take turns; `order` is who got one."""

    def __init__(self, turns: FairTurns) -> None:
        self.turns, self.order = turns, list[str]()
        self.leave = asyncio.Event()

    async def visit(self, chat: str, name: str) -> None:
        async with self.turns.turn(chat):
            self.order.append(name)
            await self.leave.wait()

    async def line_up(self, *visits: tuple[str, str]) -> list[asyncio.Task[None]]:
        tasks = []
        for chat, name in visits:
            tasks.append(asyncio.create_task(self.visit(chat, name)))
            await asyncio.sleep(0)
        return tasks


async def test_chats_take_turns_whatever_they_bring() -> None:
    hall = Hall(FairTurns(1, 100))
    album = [("album", f"a{number}") for number in range(5)]
    tasks = await hall.line_up(*album, ("anna", "b0"), ("anna", "b1"), ("carl", "c0"))
    hall.leave.set()
    await asyncio.gather(*tasks)
    assert hall.order == ["a0", "a1", "b0", "c0", "a2", "b1", "a3", "a4"]


async def test_no_more_than_allowed_hold_a_turn_or_wait() -> None:
    seen: list[int] = []
    hall = Hall(FairTurns(2, 3, seen.append))
    tasks = await hall.line_up(*((f"chat {number}", "") for number in range(5)))
    assert len(hall.order) == 2
    assert len(hall.turns) == 3
    with pytest.raises(TryLater, match="waiting right now"):
        await hall.visit("one more", "")
    hall.leave.set()
    await asyncio.gather(*tasks)
    assert len(hall.order) == 5
    assert seen == [1, 2, 3, 2, 1, 0]
    await hall.visit("one more", "")


async def test_one_chat_leaves_places_for_the_others() -> None:
    hall = Hall(FairTurns(1, 16))
    tasks = await hall.line_up(*(("flood", "") for _ in range(15)))
    with pytest.raises(TryLater):
        await hall.visit("flood", "")
    tasks += await hall.line_up(("anna", ""), ("carl", ""))
    hall.leave.set()
    await asyncio.gather(*tasks)
    assert len(hall.order) == 17


async def test_who_leaves_the_line_takes_nobodys_turn() -> None:
    hall = Hall(FairTurns(1, 10))
    tasks = await hall.line_up(("a", "a0"), ("b", "b0"), ("b", "b1"), ("c", "c0"))
    tasks[1].cancel()
    tasks[3].cancel()
    await asyncio.gather(tasks[1], tasks[3], return_exceptions=True)
    assert len(hall.turns) == 1
    hall.leave.set()
    await asyncio.gather(tasks[0], tasks[2])
    assert hall.order == ["a0", "b1"]


async def test_a_turn_given_to_one_who_leaves_at_that_moment_goes_on() -> None:
    hall = Hall(FairTurns(1, 10))
    first, second, third = await hall.line_up(("a", "a0"), ("b", "b0"), ("c", "c0"))
    hall.leave.set()
    while not first.done():  # noqa: ASYNC110  any other way of waiting takes a step too many
        await asyncio.sleep(0)
    second.cancel()  # it has the turn, but has not run since
    await asyncio.gather(second, return_exceptions=True)
    await third
    assert hall.order == ["a0", "c0"]
    await hall.visit("d", "d0")
    assert len(hall.turns) == 0


async def test_a_turn_is_passed_on_past_those_who_are_just_leaving() -> None:
    hall = Hall(FairTurns(1, 10))
    first, second, third = await hall.line_up(("a", "a0"), ("b", "b0"), ("c", "c0"))
    second.cancel()
    first.cancel()  # both in the same moment: the turn comes free before the second has left the line
    await asyncio.gather(first, second, return_exceptions=True)
    hall.leave.set()
    await third
    assert hall.order == ["a0", "c0"]
    assert len(hall.turns) == 0


async def test_what_two_chats_want_stands_in_both_lines_and_takes_one_turn() -> None:
    seen: list[int] = []
    turns = FairTurns(1, 100, seen.append)
    hall = Hall(turns)
    tasks = await hall.line_up(("album", "a0"), ("album", "a1"), ("album", "a2"))

    async def named() -> None:
        async with turns.turn("album", name="wanted"):
            hall.order.append("wanted")

    tasks.append(asyncio.create_task(named()))
    await asyncio.sleep(0)
    tasks += await hall.line_up(("anna", "b0"))
    for _ in range(2):  # to ask twice makes no difference
        turns.also("wanted", "anna", Lane.PERSON)
        turns.also("unknown", "anna", Lane.PERSON)
    hall.leave.set()
    await asyncio.gather(*tasks)
    assert hall.order == ["a0", "a1", "b0", "a2", "wanted"]
    assert max(seen) == 4 and len(turns) == 0
    turns.also("wanted", "anna", Lane.PERSON)  # it waits no more
    assert len(turns) == 0


async def test_a_person_brings_what_nobody_asked_for_to_the_front() -> None:
    turns = FairTurns(1, 100)
    order: list[str] = []

    async def visit(name: str, lane: Lane) -> None:
        async with turns.turn("channel", lane, name):
            order.append(name)
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(visit(name, Lane.AUTOMATIC)) for name in ("first", "second", "wanted")]
    await asyncio.sleep(0)
    turns.also("wanted", "person", Lane.PERSON)
    await asyncio.gather(*tasks)
    assert order == ["first", "wanted", "second"]
    assert turns._places == {} and turns._named == {} and not any(turns._waiting.values())


async def test_who_leaves_leaves_all_lines() -> None:
    turns = FairTurns(1, 100)
    hall = Hall(turns)
    (first,) = await hall.line_up(("a", "a0"))

    async def named() -> None:
        async with turns.turn("a", name="wanted"):
            raise AssertionError("it has left")

    second = asyncio.create_task(named())
    await asyncio.sleep(0)
    turns.also("wanted", "b", Lane.PERSON)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert len(turns) == 0 and not any(turns._waiting.values())
    hall.leave.set()
    await first


async def test_an_error_inside_of_a_turn_ends_it() -> None:
    turns = FairTurns(1, 1)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            async with turns.turn("a"):
                raise RuntimeError("a bug")
    assert len(turns) == 0


async def test_a_full_line_says_how_long_it_will_probably_take() -> None:
    clock = Clock()
    turns = FairTurns(1, 20, clock=clock)
    hall = Hall(turns)

    async def slow(chat: str) -> None:
        async with turns.turn(chat):
            clock.now += 2.0

    holder = (await hall.line_up(("first", "")))[0]
    waiting = [asyncio.create_task(slow(f"chat {number}")) for number in range(20)]
    await asyncio.sleep(0)
    with pytest.raises(TryLater) as refused:
        await hall.visit("late", "")
    assert refused.value.seconds == 4  # by the guess before anything was measured
    hall.leave.set()
    await asyncio.gather(holder, *waiting)
    hall.leave.clear()
    tasks = await hall.line_up(*((f"chat {number}", "") for number in range(21)))
    with pytest.raises(TryLater) as refused:
        await hall.visit("late", "")
    assert 20 <= refused.value.seconds <= 40
    hall.leave.set()
    await asyncio.gather(*tasks)
