"""Turns that are fair to every chat among all bot processes: the lines stand in Redis, the rest is bot/limits.py's FairTurns.

So many pictures are with the workers at once as they can take, and as many again, for which they need not wait. Whose is next
is decided like in one process: a lane after the other, in each the chats by rotation, whichever processes their pictures wait
in. A process says every few seconds that it lives, what it holds and what it waits for; what one that ended held goes back.
"""

import asyncio
import itertools
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bot.limits import Lane
from bot.scale.broker import TROUBLE
from bot.scale.reach import Reach
from bot.secret import Secret

log = logging.getLogger(__name__)

RENEW_SECONDS = 2.0
LIFE_SECONDS = 8.0
LINE = "candid:turns:line:"  # and the lane: chats in the order of their turns; and the chat: its tickets
GRANTS = "candid:turns:yours:"  # the channel of a process

# ARGV[1] is how many may hold a turn, ARGV[2] the process, ARGV[3] its life in milliseconds; a ticket is "process/number".
_COMMON = """
local HELD, LIVES, LINE = 'candid:turns:held', 'candid:turns:lives:', 'candid:turns:line:'
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
"""
# ARGV[4..6]: ticket, lane, chat. Returns whether the turn is there at once.
_ASK = (
    _COMMON
    + """
stand(ARGV[4], ARGV[5], ARGV[6])
grant()
return redis.call('SISMEMBER', HELD, ARGV[4])
"""
)
_LEAVE = (
    _COMMON
    + """
if redis.call('SREM', HELD, ARGV[4]) == 0 then step_out(ARGV[4], ARGV[5], ARGV[6]) end
grant()
return 1
"""
)
# ARGV[4]: how many tickets it holds, which follow; then three for each that waits. Returns those that have their turn.
_RENEW = (
    _COMMON
    + """
local mine, granted = {}, {}
local first_waiting = 5 + tonumber(ARGV[4])
for n = 5, first_waiting - 1 do mine[ARGV[n]] = true; redis.call('SADD', HELD, ARGV[n]) end
for n = first_waiting, #ARGV, 3 do mine[ARGV[n]] = true end
for _, ticket in ipairs(redis.call('SMEMBERS', HELD)) do
  if not lives(ticket) or (owner(ticket) == ARGV[2] and not mine[ticket]) then redis.call('SREM', HELD, ticket) end
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
    ticket: str
    lane: Lane
    chat: str
    turn: asyncio.Event = field(default_factory=asyncio.Event)
    stands: bool = False  # Redis has been asked

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
        self._numbers = itertools.count()
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
        place = _Place(f"{self._name}/{next(self._numbers)}", lane, chat)
        self._places[place.ticket] = place
        try:
            held = await self._reach.ask(lambda: self._ask(args=[*self._head(), *place.words]))
            place.stands = True
            if held == 0:
                await place.turn.wait()
            place.turn.set()
            yield
        finally:
            del self._places[place.ticket]
            task = asyncio.create_task(self._give_back(place))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    def _head(self) -> list[str | int]:
        return [max(1, self._window()), self._name, round(1000 * LIFE_SECONDS)]

    async def _give_back(self, place: _Place) -> None:
        await self._reach.ask(lambda: self._leave(args=[*self._head(), *place.words]))

    async def _keep(self) -> None:
        """Say what this process holds and waits for, so that nothing depends on a message that was missed."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            held = [place.ticket for place in self._places.values() if place.turn.is_set()]
            waiting = [place for place in self._places.values() if place.stands and not place.turn.is_set()]
            words = [word for place in waiting for word in place.words]
            arguments = [*self._head(), len(held), *held, *words]
            granted = await self._reach.ask(partial(self._renew, args=arguments))
            for ticket in [place.ticket for place in waiting] if granted is None else granted:
                self._grant(ticket)

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
