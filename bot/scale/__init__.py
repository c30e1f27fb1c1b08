"""Candid on more than one machine: workers that judge, behind Redis. Needs the extra `scale`; nothing here is imported without [scale] redis.

A bot process hands a picture over as a task of taskiq on a Redis stream, one stream a lane; a worker takes it, judges it as the
one-process bot would, and leaves the outcome under the request's id. A request's id is its picture and the model that is asked:
two processes that ask for the same picture share one task, and a task that is done twice (its worker was thought dead) has one
outcome. Pictures lie in Redis until they are judged or their lifetime ends, and nowhere else.
"""

from importlib.util import find_spec

from bot.errors import SettingsError


def require() -> None:
    """Raises SettingsError when the extra is not installed."""
    if missing := [
        name for name in ("psycopg", "psycopg_pool", "redis", "taskiq", "taskiq_redis") if find_spec(name) is None
    ]:
        raise SettingsError(
            f"REDIS_URL and DATABASE_URL need the package {missing[0]}: start Candid with `uv run --extra scale candid`."
        )
