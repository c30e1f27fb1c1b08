"""An event loop that does nothing, measured like Candid's: how late it comes back is what this machine does to any loop.

`python -m tests.storm.idle` prints how late each look was, in seconds, until its standard input ends.
"""

import asyncio
import json
import sys

from bot.metrics import PAUSE_PROBE_SECONDS


async def main() -> None:
    loop = asyncio.get_running_loop()
    end = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    late = []
    while not end.done():
        due = loop.time() + PAUSE_PROBE_SECONDS
        await asyncio.sleep(PAUSE_PROBE_SECONDS)
        late.append(max(0.0, loop.time() - due))
    print(json.dumps(late))


if __name__ == "__main__":
    asyncio.run(main())
