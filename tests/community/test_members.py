"""Opting out, and what a server's quotas allow."""

from pathlib import Path

import pytest

from bot.community import Members, Quotas, Rules
from bot.errors import Refusal
from bot.store import Store
from bot.wording import refused

ANNA, BEN = "discord:user/1", "discord:user/2"
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


def test_without_quotas_nothing_is_refused() -> None:
    quotas = Quotas()
    for _ in range(1000):
        quotas.take(SERVER, ANNA, Rules())


def test_a_person_has_so_many_a_minute_in_each_server() -> None:
    clock = Time()
    quotas = Quotas(clock, clock)
    rules = Rules(per_user_per_minute=2)
    quotas.take(SERVER, ANNA, rules)
    quotas.take(SERVER, ANNA, rules)
    with pytest.raises(Refusal, match="30 seconds") as caught:
        quotas.take(SERVER, ANNA, rules)
    assert caught.value.reason == "quota"
    assert refused(caught.value, "en") == str(caught.value)
    quotas.take(SERVER, BEN, rules)
    quotas.take("discord:11", ANNA, rules)
    clock.now += 31
    quotas.take(SERVER, ANNA, rules)
    with pytest.raises(Refusal):
        quotas.take(SERVER, ANNA, rules)


def test_less_than_one_a_minute_is_possible() -> None:
    clock = Time()
    quotas = Quotas(clock, clock)
    rules = Rules(per_user_per_minute=0.5)
    quotas.take(SERVER, ANNA, rules)
    clock.now += 61
    with pytest.raises(Refusal):
        quotas.take(SERVER, ANNA, rules)
    clock.now += 61
    quotas.take(SERVER, ANNA, rules)


def test_a_server_has_so_many_a_day() -> None:
    clock = Time()
    quotas = Quotas(clock, clock)
    rules = Rules(per_server_per_day=2, per_user_per_minute=1)
    quotas.take(SERVER, ANNA, rules)
    with pytest.raises(Refusal):  # this one is refused for its person, and costs the server nothing
        quotas.take(SERVER, ANNA, rules)
    quotas.take(SERVER, BEN, rules)
    with pytest.raises(Refusal, match="midnight"):
        quotas.take(SERVER, "discord:user/3", rules)
    quotas.take("discord:11", "discord:user/3", rules)
    clock.now += 86_400
    quotas.take(SERVER, "discord:user/3", rules)
