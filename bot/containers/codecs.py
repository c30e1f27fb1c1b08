"""How large the pictures inside AV1 and HEVC data really are, whatever the container says about them.

The decoders allocate by the sequence header of the bitstream, and they decode hidden frames too. A file can therefore
cost a thousand times what its container declares; these walkers read just enough to refuse that beforehand.
"""

from dataclasses import dataclass

from bot.containers import Malformed


@dataclass(frozen=True, slots=True)
class Coded:
    """The largest picture that the data declares, and how many pictures it holds."""

    width: int
    height: int
    pictures: int


class _Bits:
    def __init__(self, data: bytes) -> None:
        self.value, self.left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        self.left -= count
        if self.left < 0:
            raise Malformed("stops inside a sequence header", truncated=True)
        return self.value >> self.left & ((1 << count) - 1)

    def golomb(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise Malformed("a number too large")
        return (1 << zeros) - 1 + self.take(zeros)


def av1(data: bytes, most_pictures: int) -> Coded:
    """Walk the OBUs of one AV1 item; raises Malformed."""
    width = height = pictures = at = 0
    while at < len(data):
        head = data[at]
        kind = head >> 3 & 15
        at += 2 if head & 4 else 1
        if not head & 2:  # no size field: it fills the rest
            size = len(data) - at
        else:
            size, at = _leb128(data, at)
        if at + size > len(data):
            raise Malformed("stops inside an OBU", truncated=True)
        if kind == 1:
            wide, high = _av1_size(data[at : min(at + size, at + 256)])
            width, height = max(width, wide), max(height, high)
        elif kind in (3, 6):
            pictures += 1
        if pictures > most_pictures:
            break
        at += size
    return Coded(width, height, pictures)


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 56, 7):
        if at >= len(data):
            raise Malformed("stops inside a size", truncated=True)
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise Malformed("a size too large")


def _av1_size(header: bytes) -> tuple[int, int]:
    bits = _Bits(header)
    bits.take(4)  # profile, still_picture
    if bits.take(1):  # reduced_still_picture_header
        bits.take(5)
    else:
        decoder_model = delay = 0
        if bits.take(1):  # timing_info
            bits.take(64)
            if bits.take(1):
                bits.golomb()
            decoder_model = bits.take(1)
            if decoder_model:
                delay = bits.take(5) + 1
                bits.take(42)
        display_delay = bits.take(1)
        for _ in range(bits.take(5) + 1):
            bits.take(12)
            if bits.take(5) > 7:
                bits.take(1)
            if decoder_model and bits.take(1):
                bits.take(2 * delay + 1)
            if display_delay and bits.take(1):
                bits.take(4)
    wide, high = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(wide) + 1, bits.take(high) + 1


def hevc(data: bytes, length_size: int, most_pictures: int) -> Coded:
    """Walk the length-prefixed NAL units of one HEVC item; raises Malformed."""
    width = height = pictures = at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + length_size], "big")
        at += length_size
        if at + size > len(data):
            raise Malformed("stops inside a NAL unit", truncated=True)
        unit = data[at : min(at + size, at + 512)]
        wide, high, first = hevc_unit(unit)
        width, height, pictures = max(width, wide), max(height, high), pictures + first
        if pictures > most_pictures:
            break
        at += size
    return Coded(width, height, pictures)


def hevc_unit(unit: bytes) -> tuple[int, int, int]:
    """Width and height when it is a sequence parameter set, and 1 when it is the first slice of a picture."""
    if len(unit) < 3:
        return 0, 0, 0
    kind = unit[0] >> 1 & 63
    if kind < 32:
        return 0, 0, unit[2] >> 7
    if kind != 33:
        return 0, 0, 0
    bits = _Bits(unit[2:].replace(b"\0\0\x03", b"\0\0"))
    bits.take(4)
    layers = bits.take(3)
    bits.take(1 + 96)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for profile, level in present:
        bits.take(88 * profile + 8 * level)
    bits.golomb()
    if bits.golomb() == 3:  # chroma_format_idc
        bits.take(1)
    return bits.golomb(), bits.golomb(), 0


def hvcc(config: bytes) -> tuple[Coded, int]:
    """The parameter sets of an hvcC property, and the size of the length prefixes in the items that use it."""
    if len(config) < 23:
        raise Malformed("a short hvcC")
    width = height = 0
    at = 23
    for _ in range(config[22]):
        count = int.from_bytes(config[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            size = int.from_bytes(config[at : at + 2], "big")
            at += 2
            if at + size > len(config):
                raise Malformed("stops inside an hvcC", truncated=True)
            wide, high, _ = hevc_unit(config[at : at + min(size, 512)])
            width, height = max(width, wide), max(height, high)
            at += size
    return Coded(width, height, 0), (config[21] & 3) + 1
