"""CBOR, as far as Content Credentials use it, with limits on depth and on the number of items."""

import struct
from typing import Any

MAX_DEPTH = 16
MAX_ITEMS = 20_000


class CborError(ValueError):
    """The bytes are not CBOR, or more of it than any real manifest holds."""


def read(data: bytes) -> Any:
    """The first item of `data`: int, float, bytes, str, list, dict, bool or None. Tags are dropped."""
    return _Reader(data).item(0)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.items = data, 0, 0

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise CborError("stops inside an item")
        part, self.at = self.data[self.at : end], end
        return part

    def item(self, depth: int) -> Any:
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise CborError("too deep or too long")
        head = self.take(1)[0]
        major, small = head >> 5, head & 31
        if major == 7:
            return self._simple(small)
        endless = small == 31
        if endless and not 2 <= major <= 5:
            raise CborError("an endless number")
        value = 0 if endless else self._argument(small)
        if major == 0:
            return value
        if major == 1:
            return -1 - value
        if major in (2, 3):
            body = b"".join(self._parts(major)) if endless else self.take(value)
            return body if major == 2 else body.decode("utf-8", "replace")
        if major == 4:
            return [self.item(depth + 1) for _ in self._count(value, endless)]
        if major == 5:
            pairs = ((self.item(depth + 1), self.item(depth + 1)) for _ in self._count(value, endless))
            return {key: content for key, content in pairs if isinstance(key, str | int | bytes)}
        return self.item(depth + 1)

    def _argument(self, small: int) -> int:
        if small < 24:
            return small
        if small > 27:
            raise CborError("a reserved length")
        return int.from_bytes(self.take(1 << (small - 24)), "big")

    def _count(self, value: int, endless: bool) -> Any:
        """Once for each element; an endless list stops at the break code."""
        if not endless:
            if value > MAX_ITEMS:
                raise CborError("too long")
            yield from range(value)
            return
        while self.data[self.at : self.at + 1] != b"\xff":
            yield None
        self.at += 1

    def _parts(self, major: int) -> Any:
        for _ in self._count(0, True):
            self.items += 1
            head = self.take(1)[0]
            if head >> 5 != major or self.items > MAX_ITEMS:
                raise CborError("a part of another kind")
            yield self.take(self._argument(head & 31))

    def _simple(self, small: int) -> Any:
        if small in (20, 21):
            return small == 21
        if small in (22, 23):
            return None
        if small in (25, 26, 27):
            size = 1 << (small - 24)
            return struct.unpack(">" + {2: "e", 4: "f", 8: "d"}[size], self.take(size))[0]
        raise CborError("an unknown simple value")
