"""What a person wants of Candid, wherever they are: so far, to be left alone."""

import time
from collections.abc import Awaitable, Callable

from bot.store import Store


class Members:
    """An opt-out holds in every server of the person's platform, whatever its admins have set."""

    def __init__(self, store: Store, left: Callable[[str], Awaitable[object]] | None = None) -> None:
        """`left` is told who opted out, to let go of what is kept of theirs."""
        self._store, self._left = store, left

    async def opt_out(self, person: str) -> None:
        """From now on this person's pictures aren't checked, and none is kept for review."""
        await self._store.change(
            "INSERT INTO members (person, opted_out) VALUES (?, ?) ON CONFLICT (person) DO NOTHING",
            (person, time.time()),
        )
        if self._left is not None:
            await self._left(person)

    async def opt_in(self, person: str) -> None:
        """Take the opt-out back."""
        await self._store.change("DELETE FROM members WHERE person = ?", (person,))

    async def opted_out(self, person: str) -> bool:
        """Whether this person's pictures are to be left alone."""
        return bool(await self._store.rows("SELECT 1 FROM members WHERE person = ?", (person,)))
