"""The token buckets of bot/limits.py for all bot processes together: in Redis, by its clock."""

from bot.limits import Limits, refuse_until
from bot.scale.reach import Reach
from bot.settings import ChecksSettings, Settings

BUCKETS = "candid:bucket:"  # and whose

# Both buckets are looked at, and only if both have one, a token is taken from each. A bucket that would be full is forgotten.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local left, waits = {}, {}
for n = 1, 2 do
  local burst, rate = tonumber(ARGV[2 * n]), tonumber(ARGV[2 * n + 1])
  local had = redis.call('HMGET', KEYS[n], 'tokens', 'at')
  left[n] = had[1] and math.min(burst, had[1] + math.max(0, now - had[2]) * rate) or burst
  waits[n] = math.max(0, (1 - left[n]) / rate)
end
if ARGV[1] == '1' and waits[1] == 0 and waits[2] == 0 then
  for n = 1, 2 do
    local burst, rate = tonumber(ARGV[2 * n]), tonumber(ARGV[2 * n + 1])
    redis.call('HSET', KEYS[n], 'tokens', string.format('%.6f', left[n] - 1), 'at', string.format('%.6f', now))
    redis.call('PEXPIRE', KEYS[n], math.ceil((burst - left[n] + 1) / rate * 1000))
  end
end
return {string.format('%.3f', waits[1]), string.format('%.3f', waits[2])}
"""


class SharedLimits:
    """As bot.limits.Limits. While Redis is away each process counts for itself, and goes on from what it has given."""

    def __init__(self, settings: Settings) -> None:
        self._reach = Reach(settings.scale.redis, "each process counts for itself what people and chats ask for")
        self._script = self._reach.redis.register_script(_TAKE)
        self._local = Limits(settings.checks)
        self._rates = _rates(settings.checks)

    async def look(self, user: str, chat: str) -> None:
        """Raises TryLater if there is no room for a picture of `user` in `chat` now."""
        waits = await self._waits(user, chat, take=False)
        if waits is None:
            await self._local.look(user, chat)
        else:
            refuse_until(*waits)

    async def take(self, user: str, chat: str) -> None:
        """One picture for `user` in `chat`; raises TryLater as `look` does."""
        waits = await self._waits(user, chat, take=True)
        if waits is None:
            await self._local.take(user, chat)
        else:
            refuse_until(*waits)
            self._local.count(user, chat)

    async def close(self) -> None:
        """Give the connections back."""
        await self._reach.close()

    async def _waits(self, user: str, chat: str, *, take: bool) -> tuple[float, float] | None:
        keys = [f"{BUCKETS}user:{user}", f"{BUCKETS}chat:{chat}"]
        found = await self._reach.ask(lambda: self._script(keys, [int(take), *self._rates]))
        return None if found is None else (float(found[0]), float(found[1]))


def _rates(checks: ChecksSettings) -> list[float]:
    """Burst and tokens a second, of people and of chats."""
    return [
        checks.per_user_burst,
        checks.per_user_per_minute / 60,
        checks.per_chat_burst,
        checks.per_chat_per_minute / 60,
    ]
