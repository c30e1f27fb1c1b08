"""`candid doctor` with workers and Postgres."""

from pathlib import Path

from bot.settings import Settings
from tests.commands.candid import candid
from tests.conftest import FakeDetector
from tests.scale.conftest import RedisServer, loads, working


def lines(out: str, topic: str) -> str:
    return "\n".join(line for line in out.splitlines() if line[7:].startswith(topic))


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


async def test_a_postgres_that_is_away_is_said_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://candid:hushhush@127.0.0.1:1/candid?connect_timeout=2"
    ended = await candid("doctor", cwd=tmp_path, DATABASE_URL=url, CANDID_WEB__PORT="0")
    assert ended.code == 1 and "DATABASE_URL" in lines(ended.out, "data")
    assert "hushhush" not in ended.out + ended.err
