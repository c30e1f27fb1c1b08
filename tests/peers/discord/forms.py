"""Is a message body well-formed? Discord answers 400 (code 50035) where one of its limits is passed."""

from typing import Any

from tests.peers.discord.places import Json

EMBED = {"title": 256, "description": 4096}


class Malformed(Exception):
    """What is wrong with the form, and where."""


def _at_most(text: Any, most: int, where: str, least: int = 0) -> int:
    if not isinstance(text, str) or not least <= len(text) <= most:
        raise Malformed(f"{where}: Must be between {least} and {most} in length.")
    return len(text)


def check_embeds(embeds: list[Json]) -> None:
    if len(embeds) > 10:
        raise Malformed("embeds: Must be 10 or fewer in length.")
    total = 0
    for n, embed in enumerate(embeds):
        for key, most in EMBED.items():
            if embed.get(key) is not None:
                total += _at_most(embed[key], most, f"embeds[{n}].{key}")
        total += _at_most(embed.get("footer", {}).get("text", ""), 2048, f"embeds[{n}].footer.text")
        total += _at_most(embed.get("author", {}).get("name", ""), 256, f"embeds[{n}].author.name")
        fields = embed.get("fields", [])
        if len(fields) > 25:
            raise Malformed(f"embeds[{n}].fields: Must be 25 or fewer in length.")
        for item in fields:
            total += _at_most(item.get("name"), 256, f"embeds[{n}].fields.name", 1)
            total += _at_most(item.get("value"), 1024, f"embeds[{n}].fields.value", 1)
    if total > 6000:
        raise Malformed("embeds: Embed size exceeds maximum size of 6000")


def _check_item(item: Json, where: str) -> str | None:
    kind = item.get("type")
    if kind == 2 and item.get("style") == 5:
        return None
    if kind == 2:
        _at_most(item.get("label", ""), 80, f"{where}.label")
    elif kind == 3:
        options = item.get("options", [])
        if not 1 <= len(options) <= 25:
            raise Malformed(f"{where}.options: Must be between 1 and 25 in length.")
        for option in options:
            _at_most(option.get("label"), 100, f"{where}.options.label", 1)
            _at_most(option.get("value"), 100, f"{where}.options.value", 1)
            _at_most(option.get("description") or "", 100, f"{where}.options.description")
        if len({o["value"] for o in options}) != len(options):
            raise Malformed(f"{where}.options: The specified option value is already used")
    elif kind == 4:
        _at_most(item.get("label") or "", 45, f"{where}.label")
        _at_most(item.get("placeholder") or "", 100, f"{where}.placeholder")
    elif kind not in (5, 6, 7, 8):
        raise Malformed(f"{where}.type: Value is not one of the allowed components")
    if kind in (3, 5, 6, 7, 8):
        _at_most(item.get("placeholder") or "", 150, f"{where}.placeholder")
        least, most = item.get("min_values", 1), item.get("max_values", 1)
        if not 0 <= least <= most <= 25:
            raise Malformed(f"{where}.max_values: Must be between {least} and 25.")
        if (
            len(item.get("default_values", ())) > most
            or sum(bool(o.get("default")) for o in item.get("options", ())) > most
        ):
            raise Malformed(f"{where}.default_values: Must be {most} or fewer in length.")
    _at_most(item.get("custom_id"), 100, f"{where}.custom_id", 1)
    return str(item["custom_id"])


def check_components(rows: list[Json]) -> None:
    if len(rows) > 5:
        raise Malformed("components: Must be 5 or fewer in length.")
    ids: list[str] = []
    for n, row in enumerate(rows):
        if row.get("type") not in (1, 18):
            raise Malformed(f"components[{n}].type: Value must be one of (1,)")
        items = row["components"] if row["type"] == 1 else [row["component"]]
        if not 1 <= len(items) <= 5 or (len(items) > 1 and any(i.get("type") != 2 for i in items)):
            raise Malformed(f"components[{n}].components: too many in one row")
        ids += [found for i in items if (found := _check_item(i, f"components[{n}]")) is not None]
    if len(set(ids)) != len(ids):
        raise Malformed("components: Component custom id cannot be duplicated")


def check_message(body: Json, editing: bool = False) -> None:
    """Raises `Malformed` if Discord would refuse this message."""
    content, embeds = body.get("content") or "", body.get("embeds") or []
    _at_most(content, 2000, "content")
    check_embeds(embeds)
    check_components(body.get("components") or [])
    if body.get("nonce") is not None:
        _at_most(str(body["nonce"]), 25, "nonce")
    if not editing and not content and not embeds and not body.get("sticker_ids"):
        raise Malformed("Cannot send an empty message")


def check_modal(data: Json) -> None:
    _at_most(data.get("title"), 45, "title", 1)
    _at_most(data.get("custom_id"), 100, "custom_id", 1)
    check_components(data.get("components", []))
