"""Turns that are fair to every chat among all bot processes: the lines stand in Redis, the rest is bot/limits.py's FairTurns.

So many pictures are with the workers at once as they can take, and as many again, for which they need not wait. Whose is next
is decided like in one process: a lane after the other, in each the chats by rotation, whichever processes their pictures wait
in. A process says every few seconds that it lives, what it holds and what it waits for; what one that ended held goes back.
Redis may come back empty: then nobody gets a turn until those who hold one have had the time to say so.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bot.limits import Lane
from bot.scale.broker import TROUBLE
from bot.scale.reach import Reach
from bot.secret import Secret

log = logging.getLogger(__name__)

RENEW_SECONDS = 2.0
LIFE_SECONDS = 8.0
BACK_SECONDS = 2 * RENEW_SECONDS + 1  # in which processes say again what they hold when Redis has come back empty
LINE = "candid:turns:line:"  # and the lane: chats in the order of their turns; and the chat: its tickets
GRANTS = "candid:turns:yours:"  # the channel of a process

# ARGV[1] is how many may hold a turn, ARGV[2] the process, ARGV[3] its life in milliseconds, ARGV[4] whether it has had an
# answer before, ARGV[5] for how many milliseconds an empty Redis only listens to such a one; a ticket is "process/number".
_COMMON = """
local HELD, LIVES, LINE = 'candid:turns:held', 'candid:turns:lives:', 'candid:turns:line:'
local KNOWN, LISTENS = 'candid:turns:known', 'candid:turns:listens'
local window = tonumber(ARGV[1])
local function owner(ticket) return string.match(ticket, '^[^/]+') end
local function lives(ticket) return redis.call('EXISTS', LIVES .. owner(ticket)) == 1 end
local function line(lane, chat) return LINE .. lane .. ':' .. chat end
local function stand(ticket, lane, chat)
  if redis.call('RPUSH', line(lane, chat), ticket) == 1 then redis.call('RPUSH', LINE .. lane, chat) end
end
local function step_out(ticket, lane, chat)
  redis.call('LREM', line(lane, chat), 1, ticket)
  if redis.call('EXISTS', line(lane, chat)) == 0 then redis.call('LREM', LINE .. lane, 0, chat) end
end
local function next_one()
  for lane = 0, 1 do
    local chat = redis.call('LPOP', LINE .. lane)
    if chat then
      local ticket = redis.call('LPOP', line(lane, chat))
      if redis.call('EXISTS', line(lane, chat)) == 1 then redis.call('RPUSH', LINE .. lane, chat) end
      return ticket
    end
  end
end
local function grant()
  if redis.call('EXISTS', LISTENS) == 1 then return end
  local held = redis.call('SCARD', HELD)
  while held < window do
    local ticket = next_one()
    if not ticket then return end
    if lives(ticket) then
      redis.call('SADD', HELD, ticket)
      held = held + 1
      redis.call('PUBLISH', 'candid:turns:yours:' .. owner(ticket), ticket)
    end
  end
end
redis.call('SET', LIVES .. ARGV[2], 1, 'PX', ARGV[3])
if ARGV[4] == '1' and redis.call('EXISTS', KNOWN) == 0 then redis.call('SET', LISTENS, 1, 'PX', ARGV[5]) end
redis.call('SET', KNOWN, 1, 'PX', 3600000)
"""
# ARGV[6..8]: ticket, lane, chat. Returns whether the turn is there at once.
_ASK = (
    _COMMON
    + """
stand(ARGV[6], ARGV[7], ARGV[8])
grant()
return redis.call('SISMEMBER', HELD, ARGV[6])
"""
)
_LEAVE = (
    _COMMON
    + """
if redis.call('SREM', HELD, ARGV[6]) == 0 then step_out(ARGV[6], ARGV[7], ARGV[8]) end
grant()
return 1
"""
)
# ARGV[6]: from this number on tickets may be asked for right now; ARGV[7]: how many it holds, which follow; then three for each
# that waits. Returns those that have their turn.
_RENEW = (
    _COMMON
    + """
local mine, granted = {}, {}
local first_waiting = 8 + tonumber(ARGV[7])
local function over(ticket)
  return owner(ticket) == ARGV[2] and not mine[ticket] and tonumber(string.match(ticket, '%d+$')) < tonumber(ARGV[6])
end
for n = 8, first_waiting - 1 do mine[ARGV[n]] = true; redis.call('SADD', HELD, ARGV[n]) end
for n = first_waiting, #ARGV, 3 do mine[ARGV[n]] = true end
for _, ticket in ipairs(redis.call('SMEMBERS', HELD)) do
  if not lives(ticket) or over(ticket) then redis.call('SREM', HELD, ticket) end
end
for n = first_waiting, #ARGV, 3 do
  local ticket, lane, chat = ARGV[n], ARGV[n + 1], ARGV[n + 2]
  if redis.call('SISMEMBER', HELD, ticket) == 0 and not redis.call('LPOS', line(lane, chat), ticket) then
    stand(ticket, lane, chat)
  end
end
grant()
for n = first_waiting, #ARGV, 3 do
  if redis.call('SISMEMBER', HELD, ARGV[n]) == 1 then granted[#granted + 1] = ARGV[n] end
end
return granted
"""
)


async def lined_up(redis: Any) -> int:
    """How many pictures of all processes wait for a turn."""
    count = 0
    for lane in Lane:
        for chat in await redis.lrange(f"{LINE}{lane:d}", 0, -1):
            count += await redis.llen(f"{LINE}{lane:d}:{chat.decode()}")
    return count


@dataclass(slots=True, eq=False)
class _Place:
    process: str
    number: int
    lane: Lane
    chat: str
    turn: asyncio.Event = field(default_factory=asyncio.Event)
    stands: bool = False  # Redis has been asked

    @property
    def ticket(self) -> str:
        return f"{self.process}/{self.number}"

    @property
    def words(self) -> list[str]:
        return [self.ticket, str(int(self.lane)), self.chat]


class SharedTurns:
    """`window` says how many may hold a turn at once. While Redis is away everybody has one: the process' own are enough then."""

    def __init__(self, address: Secret, window: Callable[[], int]) -> None:
        self._reach = Reach(address, "chats take turns within each process only")
        self._ask, self._leave, self._renew = map(self._reach.redis.register_script, (_ASK, _LEAVE, _RENEW))
        self._window = window
        self._name = secrets.token_hex(8)
        self._next = 0  # the number of the next ticket
        self._heard = False  # Redis has answered: what this process held then, it may hold still when Redis is empty
        self._places: dict[str, _Place] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._leaving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen; returns at once."""
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._keep())]

    async def close(self) -> None:
        """What is held is given back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._leaving, return_exceptions=True)
        await self._reach.close()

    @asynccontextmanager
    async def turn(self, chat: str, lane: Lane) -> AsyncIterator[None]:
        """Hold a turn inside of `async with`."""
        place, self._next = _Place(self._name, self._next, lane, chat), self._next + 1
        self._places[place.ticket] = place
        try:
            held = await self._ask_redis(self._ask, *place.words)
            place.stands = True
            if held == 0:
                await place.turn.wait()
            place.turn.set()
            yield
        finally:
            del self._places[place.ticket]
            self._leave_later(place)

    async def _ask_redis(self, script: Callable[..., Awaitable[Any]], *words: str | int) -> Any:
        """What a script says, or None while Redis is away."""
        life, back = round(1000 * LIFE_SECONDS), round(1000 * BACK_SECONDS)
        head = [max(1, self._window()), self._name, life, int(self._heard), back]
        found = await self._reach.ask(lambda: script(args=[*head, *words]))
        self._heard = self._heard or found is not None
        return found

    def _leave_later(self, place: _Place) -> None:
        task = asyncio.create_task(self._give_back(place))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _give_back(self, place: _Place) -> None:
        await self._ask_redis(self._leave, *place.words)

    async def _keep(self) -> None:
        """Say what this process holds and waits for, so that nothing depends on a message that was missed."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            held = [place for place in self._places.values() if place.turn.is_set()]
            waiting = [place for place in self._places.values() if place.stands and not place.turn.is_set()]
            asked = next((place.number for place in self._places.values() if not place.stands), self._next)
            words = [word for place in waiting for word in place.words]
            tickets = [place.ticket for place in held]
            granted = await self._ask_redis(self._renew, asked, len(held), *tickets, *words)
            for ticket in [place.ticket for place in waiting] if granted is None else granted:
                self._grant(ticket)
            for place in (*held, *waiting):
                if place.ticket not in self._places:  # it left meanwhile; this may have put it back
                    self._leave_later(place)

    def _grant(self, ticket: str | bytes) -> None:
        place = self._places.get(ticket.decode() if isinstance(ticket, bytes) else ticket)
        if place is not None:
            place.turn.set()

    async def _listen(self) -> None:
        while True:
            try:
                async with self._reach.redis.pubsub() as channel:
                    await channel.subscribe(GRANTS + self._name)
                    while True:
                        message = await channel.get_message(ignore_subscribe_messages=True, timeout=5)
                        if message:
                            self._grant(message["data"])
            except TROUBLE as error:
                log.debug("Redis grants nothing (%s)", error)
                await asyncio.sleep(1)
