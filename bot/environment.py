"""What the environment and a .env file say: secrets, the files that hold them, and `CANDID_SECTION__KEY`."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from bot.errors import SettingsError, in_words
from bot.secret import Secret

PREFIX = "CANDID_"
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")


def read_env_file(path: Path) -> dict[str, str]:
    """The KEY=VALUE lines of a .env file; empty when there is none. Quotes around a value are dropped."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} can't be read: {in_words(error)}.") from error
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:  # the line itself may hold a secret, so it is not shown
            raise SettingsError(f"{path}, line {number}: not understood, accepted is KEY=VALUE.")
        key, value = match.groups()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        else:
            value = re.split(r"\s+#", value, maxsplit=1)[0]
        found[key] = value
    return found


def write_env_file(path: Path, name: str, value: str) -> None:
    """Set one line of a .env file and keep the others. Only its owner can read it, from its first moment on."""
    old = path.read_text("utf-8").splitlines() if path.exists() else []
    lines = [line for line in old if (match := _LINE.fullmatch(line)) is None or match[1] != name]
    partial = path.with_name(f"{path.name}.part")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join([*lines, f"{name}={value}"]) + "\n")
    partial.replace(path)


def secret(name: str, layers: tuple[Mapping[str, str], ...]) -> Secret:
    """The secret `name`, or what the file `name`_FILE holds; the first layer that has either one decides."""
    for layer in layers:
        text, file = layer.get(name, "").strip(), layer.get(f"{name}_FILE", "").strip()
        if text and file:
            raise SettingsError(f"{name} and {name}_FILE are both set; keep one of them.")
        if file:
            text = _content(f"{name}_FILE", Path(file))
        if text:
            if any(c.isspace() or not c.isprintable() for c in text):
                raise SettingsError(f"{name}: has spaces or line breaks in it, accepted is the bare token.")
            return Secret(text)
        if file:
            return Secret()  # an empty secret file switches the thing off
    return Secret()


def overrides(environ: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """`CANDID_SECTION__KEY=text` as {(section, key): text}, lower case."""
    found: dict[tuple[str, str], str] = {}
    for name, text in environ.items():
        section, separator, key = name.removeprefix(PREFIX).partition("__")
        if name.startswith(PREFIX) and separator:
            found[section.lower(), key.lower()] = text
    return found


def _content(name: str, path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}: {path} can't be read: {in_words(error)}.") from error
