"""What `candid doctor` says of Redis, the workers, and Postgres."""

from typing import Any

from redis.asyncio import Redis

from bot.accounts import Grade, Point
from bot.errors import SettingsError
from bot.scale.broker import TIMEOUTS, TROUBLE
from bot.scale.postgres import PostgresDatabase
from bot.scale.turns import lined_up
from bot.scale.wire import STREAMS, WORKERS
from bot.settings import Settings

MANY = 100  # tasks in line that a few workers need a while for


async def look_at_redis(settings: Settings) -> list[Point]:
    redis: Any = Redis.from_url(settings.scale.redis.reveal(), **TIMEOUTS)
    try:
        version = (await redis.info("server"))["redis_version"]
        persistent = (await redis.info("persistence")).get("aof_enabled") or (await redis.config_get("save")).get(
            "save"
        )
        names = [key async for key in redis.scan_iter(f"{WORKERS}*")]
        models = {(await redis.get(name) or b"?").decode() for name in names}
        waiting = sum([await redis.xlen(stream) for stream in STREAMS.values()]) + await lined_up(redis)
    except TROUBLE as error:
        return [Point(Grade.WRONG, f"Redis can't be reached ({type(error).__name__}): is it up, and REDIS_URL right?")]
    finally:
        await redis.aclose()
    found = [Point(Grade.GOOD, f"Redis {version} answers.")]
    if persistent:
        found.append(
            Point(Grade.NOTE, 'Redis writes to disk, and pictures with it: start it with --save "" --appendonly no.')
        )
    if not names:
        found.append(Point(Grade.WRONG, "No worker lives, so nothing can be judged: start one with candid worker."))
    else:
        found.append(Point(Grade.GOOD, f"Workers: {len(names)}, judging with {', '.join(sorted(models))}."))
    if len(models) > 1:
        found.append(Point(Grade.NOTE, "The workers don't agree on the model: do they share one folder of versions?"))
    if waiting > MANY:
        found.append(
            Point(Grade.NOTE, f"{waiting} pictures wait for workers or are in their hands: more workers would help.")
        )
    return found


async def look_at_postgres(settings: Settings) -> list[Point]:
    try:
        database = await PostgresDatabase.open(settings.store.url)
    except SettingsError as error:
        return [Point(Grade.WRONG, str(error))]
    version = (await database.rows("SELECT current_setting('server_version') AS version"))[0]["version"]
    size = (await database.rows("SELECT pg_database_size(current_database()) AS size"))[0]["size"]
    await database.close()
    return [Point(Grade.GOOD, f"The database is on Postgres {version} ({size / 1e6:.1f} MB); back it up with pg_dump.")]
