"""IPTC's older records (IIM): caption, credit, and the program."""

CAPTION, CREDIT, PROGRAM = 120, 110, 65


def read(block: bytes) -> dict[int, str]:
    """The application record's texts by number, the first of each. Never raises."""
    found: dict[int, str] = {}
    at = 0
    while at + 5 <= len(block) and block[at] == 0x1C and len(found) < 200:
        record, number, size = block[at + 1], block[at + 2], int.from_bytes(block[at + 3 : at + 5], "big")
        at += 5
        if size & 0x8000 or at + size > len(block):  # extended sizes are for pictures inside the records
            break
        if record == 2 and number not in found:
            found[number] = block[at : at + size].decode("utf-8", "replace").strip("\0 \n")
        at += size
    return found
