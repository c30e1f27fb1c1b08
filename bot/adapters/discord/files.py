"""A file that goes along with a message."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class File:
    """`alt` is read out to those who can't see a picture."""

    name: str
    content_type: str
    data: bytes
    alt: str = ""

    @property
    def entry(self) -> dict[str, Any]:
        """How the message refers to it."""
        return {"id": 0, "filename": self.name} | ({"description": self.alt[:1024]} if self.alt else {})


def request(body: dict[str, Any] | None, file: File | None = None) -> dict[str, Any]:
    """What discord.py's `request` is given for a body, with or without a file."""
    if body is None:
        return {}
    if file is None:
        return {"json": body}
    payload = {"name": "payload_json", "value": json.dumps(body)}
    part = {"name": "files[0]", "value": file.data, "filename": file.name, "content_type": file.content_type}
    return {"form": [payload, part]}
