"""GIF: the first image of the file and whether another follows."""

from bot.containers import Malformed, Still

MAX_SUB_BLOCKS = 500_000  # 20 MiB of ordinary 255-byte blocks are 82,000


def still(data: bytes) -> Still:
    """The first frame: screen, palettes, its graphic control, its pixels. Comments and later frames stay out."""
    if data[:6] not in (b"GIF87a", b"GIF89a"):
        raise Malformed("no GIF signature")
    if len(data) < 13:
        raise Malformed("stops in the header", truncated=True)
    width, height = int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    at = 13 + _palette(data[10])
    head = data[:at]
    control = picture = b""
    images = walked = 0
    while at < len(data) and images < 2:
        kind = data[at]
        if kind == 0x3B:
            break
        start = at
        if kind == 0x21:
            label = data[at + 1 : at + 2]
            at, count = _sub_blocks(data, at + 2, MAX_SUB_BLOCKS - walked)
            walked += count
            if label == b"\xf9" and not images:
                control = data[start:at]
        elif kind == 0x2C:
            images += 1
            if images == 2:
                break
            if at + 10 > len(data):
                raise Malformed("stops in an image", truncated=True)
            left, top, wide, high = (int.from_bytes(data[at + n : at + n + 2], "little") for n in (1, 3, 5, 7))
            width, height = max(width, left + wide), max(height, top + high)
            at, count = _sub_blocks(data, at + 10 + _palette(data[at + 9]) + 1, MAX_SUB_BLOCKS - walked)
            walked += count
            picture = data[start:at]
        else:
            raise Malformed("an unknown block")
    if not picture:
        raise Malformed("no image in the file", truncated=True)
    if not width or not height:
        raise Malformed("a side of zero pixels")
    return Still(head + control + picture + b";", width, height, width * height, animated=images > 1)


def _palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _sub_blocks(data: bytes, at: int, most: int) -> tuple[int, int]:
    count = 0
    while True:
        if at >= len(data):
            raise Malformed("stops inside a block", truncated=True)
        size = data[at]
        at += 1 + size
        if not size:
            return at, count
        count += 1
        if count > most:
            raise Malformed("too many blocks")
