"""The language of a request: the one that the browser likes best of those that Candid speaks."""

from aiohttp import hdrs, web

from bot.wording import DEFAULT, spoken

_MOST = 16  # languages of one header that are looked at


def language_of(request: web.Request) -> str:
    """By the header Accept-Language; English for a program that sends none."""
    wanted: list[tuple[float, str]] = []
    for entry in request.headers.get(hdrs.ACCEPT_LANGUAGE, "").split(",")[:_MOST]:
        code, _, weight = (part.strip() for part in entry.partition(";"))
        wanted.append((_share(weight), code))
    for share, code in sorted(wanted, key=lambda one: -one[0]):
        language = spoken(code)
        if share > 0 and (language != DEFAULT or code.lower().split("-")[0] == DEFAULT):
            return language
    return DEFAULT


def _share(weight: str) -> float:
    """How much it is wanted: 0.8 of "q=0.8", 1 where nothing is said, 0 where nonsense is."""
    if not weight:
        return 1.0
    name, _, value = weight.partition("=")
    try:
        share = float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
    return share if 0 <= share <= 1 else 0.0
