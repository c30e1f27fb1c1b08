"""Parts of albums that reached other bot processes, for an hour: ids of files, as Telegram has them."""

import json
from collections.abc import Mapping
from typing import Any

from bot.scale.reach import Reach
from bot.secret import Secret

SECONDS = 3600


class AlbumShelf:
    """What bot.adapters.telegram.asks.Albums keeps elsewhere. While Redis is away there is nothing on it."""

    def __init__(self, address: Secret) -> None:
        self._reach = Reach(address, "of albums only the parts are known that came to the same process")

    async def put(self, album: str, number: int, part: Mapping[str, Any]) -> None:
        """Remember one part, by its message's number."""

        async def store() -> None:
            async with self._reach.redis.pipeline() as both:
                both.hset(f"candid:album:{album}", str(number), json.dumps(part))
                both.expire(f"candid:album:{album}", SECONDS)
                await both.execute()

        await self._reach.ask(store)

    async def parts(self, album: str) -> dict[int, dict[str, Any]]:
        """Every part that any process has seen."""
        found = await self._reach.ask(lambda: self._reach.redis.hgetall(f"candid:album:{album}"))
        return {int(number): json.loads(part) for number, part in (found or {}).items()}

    async def close(self) -> None:
        """Give the connections back."""
        await self._reach.close()
