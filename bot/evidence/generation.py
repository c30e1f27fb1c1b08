"""What a file tells about how it was generated."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Generation:
    """How a picture was made: `tool` is always known. `generative` is false for a graph that only handles pictures."""

    tool: str
    model: str = ""
    prompt: str = ""
    generative: bool = True
