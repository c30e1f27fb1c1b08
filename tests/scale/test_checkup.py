"""`candid doctor` with workers and Postgres."""

from pathlib import Path

import pytest

from bot.settings import Settings
from tests.commands.candid import candid
from tests.conftest import FakeDetector
from tests.scale.conftest import Cluster, RedisServer, loads, working


def lines(out: str, topic: str, *, grade: bool = False) -> str:
    return "\n".join(line if grade else line[7:] for line in out.splitlines() if line[7:].startswith(topic))


async def test_workers_are_counted_and_missed(settings: Settings, server: RedisServer, tmp_path: Path) -> None:
    environ = {"REDIS_URL": server.url, "CANDID_WEB__PORT": "0"}
    ended = await candid("doctor", cwd=tmp_path, **environ)
    assert ended.code == 1 and "No worker lives" in lines(ended.out, "workers")
    async with working(settings, loads(FakeDetector())):
        ended = await candid("doctor", cwd=tmp_path, **environ)
        assert ended.code == 0, ended.out
        assert "Workers: 1, judging with fake-1" in lines(ended.out, "workers") and "disk" not in ended.out
    await server.stop()
    ended = await candid("doctor", cwd=tmp_path, **environ)
    assert ended.code == 1 and "Redis can't be reached" in lines(ended.out, "workers")


async def test_a_redis_that_wants_a_password(server: RedisServer, tmp_path: Path) -> None:
    from redis.asyncio import Redis

    async with Redis.from_url(server.url) as redis:
        await redis.config_set("requirepass", "right")
    for user in ("", ":hushhush@"):
        url = server.url.replace("//", f"//{user}")
        ended = await candid("doctor", cwd=tmp_path, REDIS_URL=url, CANDID_WEB__PORT="0")
        assert ended.code == 1 and "another user or password" in lines(ended.out, "workers")
        assert "hushhush" not in ended.out + ended.err
    url = server.url.replace("//", "//:right@")
    ended = await candid("doctor", cwd=tmp_path, REDIS_URL=url, CANDID_WEB__PORT="0")
    assert "answers" in lines(ended.out, "workers")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("REDIS_URL", value)
            for value in ("hushhush@127.0.0.1:6379", "redis://:hushhush@", "redis://:hushhush/@x:1x/0")
        ),
        *(("DATABASE_URL", value) for value in ("candid:hushhush@127.0.0.1/name", "sqlite:///hushhush")),
    ],
)
async def test_an_address_that_is_none_is_refused_and_not_shown(tmp_path: Path, name: str, value: str) -> None:
    ended = await candid("doctor", cwd=tmp_path, **{name: value, "CANDID_WEB__PORT": "0"})
    assert ended.code == 1 and f"{name}: accepted is" in ended.err
    assert "hushhush" not in ended.out + ended.err and "Traceback" not in ended.err


async def test_what_is_wrong_with_a_postgres_is_said_without_its_password(cluster: Cluster, tmp_path: Path) -> None:
    import psycopg

    async def said(address: str) -> str:
        ended = await candid("doctor", cwd=tmp_path, DATABASE_URL=address, CANDID_WEB__PORT="0")
        assert "hushhush" not in ended.out + ended.err and "Traceback" not in ended.err and "pool" not in ended.err
        assert ended.code == int("ok" not in lines(ended.out, "data", grade=True))
        return lines(ended.out, "data")

    right = f"postgresql://ann:right@127.0.0.1:{cluster.port}/own"
    async with await psycopg.AsyncConnection.connect(cluster.address, autocommit=True) as connection:
        await connection.execute("CREATE ROLE ann LOGIN PASSWORD 'right'")
        await connection.execute("CREATE DATABASE own OWNER ann")
        await connection.execute("CREATE DATABASE other")
        await connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with (cluster.folder / "data" / "pg_hba.conf").open("r+") as rules:
        before = rules.read()
        rules.seek(0)
        rules.write("host all ann 127.0.0.1/32 scram-sha-256\n" + before)
    async with await psycopg.AsyncConnection.connect(cluster.address, autocommit=True) as connection:
        await connection.execute("SELECT pg_reload_conf()")
    assert "The database is on Postgres" in await said(right)
    async with await psycopg.AsyncConnection.connect(right) as connection:
        tables = await (
            await connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        ).fetchone()
    assert tables == (0,)  # who only looks changes nothing: bots of an older release may be at work
    assert "does not take the user or the password" in await said(right.replace("right", "hushhush"))
    assert "wants a password" in await said(right.replace(":right", ""))
    assert "no such database" in await said(right.replace("/own", "/hushhush"))
    assert "may not create tables" in await said(right.replace("/own", "/other"))
    cluster.stop()
    try:
        assert "nothing answers" in await said(right.replace("right", "hushhush"))
    finally:
        cluster.start()
