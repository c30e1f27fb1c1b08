"""What `candid doctor` says of Redis, the workers, and Postgres."""

from typing import Any

import psycopg
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

from bot.accounts import Grade, Point
from bot.migrations import MIGRATIONS
from bot.scale.broker import TIMEOUTS, TROUBLE
from bot.scale.postgres import in_words, trouble
from bot.scale.turns import lined_up
from bot.scale.wire import STREAMS, WORKERS
from bot.settings import Settings

MANY = 100  # tasks in line that a few workers need a while for


_STATE = """SELECT current_setting('server_version'), pg_database_size(current_database()),
    to_regclass('candid_schema') IS NOT NULL, coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)"""


async def look_at_redis(settings: Settings) -> list[Point]:
    redis: Any = Redis.from_url(settings.scale.redis.reveal(), **TIMEOUTS)
    try:
        version = (await redis.info("server"))["redis_version"]
        persistent = await _persistent(redis)
        names = [key async for key in redis.scan_iter(f"{WORKERS}*")]
        models = {(await redis.get(name) or b"?").decode() for name in names}
        waiting = sum([await redis.xlen(stream) for stream in STREAMS.values()]) + await lined_up(redis)
    except TROUBLE as error:
        return [Point(Grade.WRONG, _in_words(error))]
    finally:
        await redis.aclose()
    found = [Point(Grade.GOOD, f"Redis {version} answers.")]
    if persistent:
        found.append(
            Point(Grade.NOTE, 'Redis writes to disk, and pictures with it: start it with --save "" --appendonly no.')
        )
    if not names:
        found.append(
            Point(Grade.WRONG, "No worker lives, so nothing can be judged. Start one, on any machine: candid worker")
        )
    else:
        found.append(Point(Grade.GOOD, f"Workers: {len(names)}, judging with {', '.join(sorted(models))}."))
    if len(models) > 1:
        found.append(Point(Grade.NOTE, "The workers don't agree on the model: do they share one folder of versions?"))
    if waiting > MANY:
        found.append(
            Point(Grade.NOTE, f"{waiting} pictures wait for workers or are in their hands: more workers would help.")
        )
    return found


async def _persistent(redis: Any) -> bool:
    """Whether it surely writes to disk: many hosted ones don't say."""
    try:
        if (await redis.info("persistence")).get("aof_enabled"):
            return True
        return bool((await redis.config_get("save")).get("save"))
    except ResponseError:
        return False


def _in_words(error: Exception) -> str:
    said = str(error)
    if isinstance(error, AuthenticationError) or "NOAUTH" in said:
        return "Redis wants another user or password than REDIS_URL has: redis://:PASSWORD@host:6379/0."
    if isinstance(error, ResponseError):
        return (
            f"Redis answers, but does not do what Candid needs ({said}): may the user in REDIS_URL do everything there?"
        )
    if isinstance(error, TimeoutError | RedisTimeout):
        return "Redis does not answer in time. Is the host right, and does a firewall let this machine through?"
    if "Name or service" in said or "resolution" in said or "No address" in said:
        return "The host in REDIS_URL is not known here."
    return f"Redis can't be reached ({type(error).__name__}): nothing answers where REDIS_URL points. Is it up?"


async def look_at_postgres(settings: Settings) -> list[Point]:
    if says := await trouble(settings.store.url):
        return [Point(Grade.WRONG, says)]
    # Only looked at: opening the database as a bot does would bring it to this release's schema, under older bots that run.
    connection = await psycopg.AsyncConnection.connect(settings.store.url.reveal(), connect_timeout=5)
    async with connection:
        await connection.set_read_only(True)
        row = await (await connection.execute(_STATE)).fetchone()
        assert row is not None
        version, size, known, may_create = row
        newest = (
            await (await connection.execute("SELECT max(version) FROM candid_schema")).fetchone() if known else None
        )
    schema = int(newest[0]) if newest and newest[0] is not None else 0
    if schema > len(MIGRATIONS):
        return [
            Point(
                Grade.WRONG,
                f"The database has schema {schema} and this Candid knows {len(MIGRATIONS)}: a newer Candid wrote it.",
            )
        ]
    if schema < len(MIGRATIONS) and not may_create:
        return [Point(Grade.WRONG, in_words(psycopg.errors.InsufficientPrivilege("permission denied")))]
    return [Point(Grade.GOOD, f"The database is on Postgres {version} ({size / 1e6:.1f} MB); back it up with pg_dump.")]
