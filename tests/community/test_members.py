"""Opting out, and what a server's quotas allow."""

import asyncio
from pathlib import Path

import pytest

from bot.community import Members, Quotas, Rules
from bot.errors import Refusal
from bot.store import Store
from bot.wording import refused

ANNA, BEN, CARLA = "discord:user/1", "discord:user/2", "discord:user/3"
SERVER = "discord:10"


class Time:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_an_opt_out_holds_until_it_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "candid.sqlite3"
    store = await Store.open(path)
    members = Members(store)
    assert not await members.opted_out(ANNA)
    await members.opt_out(ANNA)
    await members.opt_out(ANNA)
    await store.close()
    store = await Store.open(path)
    members = Members(store)
    assert await members.opted_out(ANNA)
    assert not await members.opted_out(BEN)
    assert not await members.opted_out("telegram:user/1")
    await members.opt_in(ANNA)
    assert not await members.opted_out(ANNA)
    await store.close()


async def test_an_opt_out_is_never_purged(store: Store) -> None:
    await Members(store).opt_out(ANNA)
    await store.change("UPDATE members SET opted_out = 0")
    await store.purge(1)
    assert await Members(store).opted_out(ANNA)


async def test_without_quotas_nothing_is_refused_and_nothing_written(store: Store) -> None:
    quotas = Quotas(store)
    for _ in range(1000):
        await quotas.take(SERVER, ANNA, Rules())
    assert await store.rows("SELECT * FROM quotas") == []


async def test_a_person_has_so_many_a_minute_in_each_server(store: Store) -> None:
    clock = Time()
    quotas = Quotas(store, clock, clock)
    rules = Rules(per_user_per_minute=2)
    await quotas.take(SERVER, ANNA, rules)
    await quotas.take(SERVER, ANNA, rules)
    with pytest.raises(Refusal, match="30 seconds") as caught:
        await quotas.take(SERVER, ANNA, rules)
    assert caught.value.reason == "quota"
    assert refused(caught.value, "en") == str(caught.value)
    await quotas.take(SERVER, BEN, rules)
    await quotas.take("discord:11", ANNA, rules)
    clock.now += 31
    await quotas.take(SERVER, ANNA, rules)
    with pytest.raises(Refusal):
        await quotas.take(SERVER, ANNA, rules)


async def test_less_than_one_a_minute_is_possible(store: Store) -> None:
    clock = Time()
    quotas = Quotas(store, clock, clock)
    rules = Rules(per_user_per_minute=0.5)
    await quotas.take(SERVER, ANNA, rules)
    clock.now += 61
    with pytest.raises(Refusal):
        await quotas.take(SERVER, ANNA, rules)
    clock.now += 61
    await quotas.take(SERVER, ANNA, rules)


async def test_a_server_has_so_many_a_day(store: Store) -> None:
    clock = Time()
    quotas = Quotas(store, clock, clock)
    rules = Rules(per_server_per_day=2, per_user_per_minute=1)
    await quotas.take(SERVER, ANNA, rules)
    with pytest.raises(Refusal, match="one person"):  # refused for its person, and costs the server nothing
        await quotas.take(SERVER, ANNA, rules)
    await quotas.take(SERVER, BEN, rules)
    with pytest.raises(Refusal, match="midnight"):
        await quotas.take(SERVER, CARLA, rules)
    await quotas.take("discord:11", CARLA, rules)  # a refusal for the server has cost the person nothing
    clock.now += 86_400
    await quotas.take(SERVER, CARLA, rules)


async def test_a_restart_gives_no_second_day_and_processes_count_together(store: Store) -> None:
    clock, rules = Time(), Rules(per_server_per_day=5)
    before, beside = Quotas(store, clock, clock), Quotas(store, clock, clock)
    taken = await asyncio.gather(
        *(quotas.take(SERVER, ANNA, rules) for quotas in (before, beside) * 4), return_exceptions=True
    )
    assert [type(one) for one in taken if one is not None] == [Refusal] * 3
    with pytest.raises(Refusal, match="5 checks"):
        await Quotas(store, clock, clock).take(SERVER, ANNA, rules)
    await Quotas(store, clock, clock).take(SERVER, ANNA, Rules(per_server_per_day=6))  # the admins allow one more


async def test_what_is_used_moves_with_the_server_and_is_forgotten_when_the_day_is_over(store: Store) -> None:
    quotas, rules = Quotas(store), Rules(per_server_per_day=1)
    await quotas.take("telegram:-5", ANNA, rules)
    await quotas.move("telegram:-5", "telegram:-100200")
    with pytest.raises(Refusal):
        await quotas.take("telegram:-100200", ANNA, rules)
    await store.purge(30)
    assert len(await store.rows("SELECT * FROM quotas")) == 1
    await store.change("UPDATE quotas SET day = day - 1")
    assert await store.purge(30) == 1
    assert await store.rows("SELECT * FROM quotas") == []
