"""Text from a file, made harmless: one line, short, and without any character that a chat or a page would act on."""

import unicodedata

PROMPT_LENGTH = 120
NAME_LENGTH = 60

# Look-alikes, so that links, mentions, markup and tags in a prompt stay readable and do nothing.
_INERT = str.maketrans({"<": "‹", ">": "›", "&": "＆", "@": "＠", "`": "ˋ", "*": "∗", "[": "(", "]": ")", "|": "¦",
                        "~": "∼", "\\": "＼", '"': "“"})  # fmt: skip


def clean(value: str, length: int = NAME_LENGTH) -> str:
    """At most `length` visible characters of `value`."""
    head = value[: 8 * length]
    visible = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in head)
    line = " ".join(visible.replace("://", ": //").translate(_INERT).split())
    return line if len(line) <= length and len(value) <= len(head) else line[: length - 1].rstrip() + "…"


def prompt(value: str) -> str:
    return clean(value, PROMPT_LENGTH)
