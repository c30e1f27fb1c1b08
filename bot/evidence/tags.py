"""Names that generators and editors put where software signs: EXIF, XMP, IPTC and PNG's Software chunk.

Only a whole field counts. A camera app, a caption or a title that mentions a generator is no signature.
"""

import re
from dataclasses import dataclass

from bot.evidence import iim, objects, xmp
from bot.evidence.exif import Exif

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_VERSION = r"(?:[ /,v-]*\d[\w.]*)?"
_NAMES = (
    "Midjourney", "Ideogram AI", "Ideogram", "Adobe Firefly", "Firefly", "DALL·E", "DALL-E", "Stable Diffusion",
    "Stable Diffusion XL", "NovelAI", "Fooocus", "InvokeAI", "ComfyUI", "Draw Things", "Leonardo.Ai", "Leonardo AI",
    "Recraft", "Black Forest Labs", "Image Playground", "Apple Image Playground", "Bing Image Creator",
    "Microsoft Designer Image Creator", "DreamStudio", "Playground AI", "Krea AI", "Tensor.Art", "SeaArt", "PixAI",
    "Google Imagen", "Imagen", "Google Gemini", "Gemini", "Grok", "Aurora", "Meta AI", "Imagined with AI",
    "Imagined with Meta AI", "Made with Google AI", "Made with AI", "Runway", "Jimeng", "即梦AI", "Doubao", "豆包",
    "Seedream", "Kling AI", "Qwen-Image", "Hunyuan Image", "GPT Image", "gpt-image", "ChatGPT", "Mochi Diffusion", "mflux",
    "Luma AI", "Dreamina", "Nano Banana", "Stability AI", "SwarmUI", "Easy Diffusion", "Civitai", "reve.com",
    "Aphrodite AI",
)  # fmt: skip
_GENERATOR = re.compile("(" + "|".join(map(re.escape, _NAMES)) + ")" + _VERSION, re.IGNORECASE)
# Also the names of cameras (Firefly) and of programs for photographs: with a camera's exposure they prove nothing.
_SHARED = frozenset({"firefly", "imagen", "aurora", "gemini", "runway"})
_PRODUCTS = {"dreamina": "Dreamina (ByteDance)", "jimeng": "Jimeng (ByteDance)"}
_SAYS = re.compile(r"(?:Made|Imagined) with ", re.IGNORECASE)
_FLUX = re.compile(r"AI generated;(?:txt|img)2img;[\w.;-]{1,40}")
_IMAGINAIRY = re.compile(r"(Imaginairy) / [\w .:-]{1,60}")
_EDITOR = re.compile(r"(Edited with Google AI|Apple Photos Clean Up|Edited with Galaxy AI|Edited with AI)")
_JOB = re.compile(rf"\bJob ID: ({_UUID})\s*$")
_FLAG = re.compile(r"(?:^|\s)--(?:v|ar|stylize|style|profile|niji|seed|raw|chaos|weird|q|s)\b")
_GROK = re.compile(r"Signature: [A-Za-z0-9+/]{60,}={0,2}")


@dataclass(frozen=True, slots=True)
class Tag:
    """`name` signs the file. `edited`: it changed a picture instead of making it. `told`: it is a sentence, no name."""

    name: str
    prompt: str = ""
    edited: bool = False
    told: bool = False


def read(texts: dict[str, str], exif: Exif, properties: xmp.Properties, records: dict[int, str]) -> list[Tag]:
    """All signatures, each name once."""
    found: dict[str, Tag] = {}

    def add(tag: Tag | None) -> None:
        if tag is not None:
            found.setdefault(tag.name.casefold(), tag)

    add(_midjourney(texts, exif, properties, records))
    add(_grok(exif))
    add(_bytedance(exif))
    system = properties.get(xmp.IPTC + "AISystemUsed", "").strip()
    if system:
        add(Tag(system, properties.get(xmp.IPTC + "AIPromptInformation", "")))
    for field in (
        exif.make, exif.software, properties.get(xmp.XMP + "CreatorTool", ""), properties.get(xmp.TIFF + "Make", ""),
        properties.get(xmp.TIFF + "Software", ""), properties.get(xmp.PHOTOSHOP + "Credit", ""),
        records.get(iim.CREDIT, ""), records.get(iim.PROGRAM, ""), texts.get("Software", ""),
        # NovelAI's source is the model that it ran, no second maker
        "" if texts.get("Software") == "NovelAI" else texts.get("Source", ""),
    ):  # fmt: skip
        tag = _signature(field)
        if tag is None or not (exif.shot and (field == exif.make or tag.name.casefold() in _SHARED)):
            add(tag)
    return list(found.values())


def _signature(field: str) -> Tag | None:
    field = field.strip()
    if _EDITOR.fullmatch(field):
        return Tag(field, edited=True, told=True)
    if _FLUX.fullmatch(field):
        return Tag("Black Forest Labs")
    match = (_GENERATOR.fullmatch(field) or _IMAGINAIRY.fullmatch(field)) if len(field) < 80 else None
    return Tag(match[1], told=bool(_SAYS.match(match[1]))) if match else None


def _midjourney(texts: dict[str, str], exif: Exif, properties: xmp.Properties, records: dict[int, str]) -> Tag | None:
    """A description that ends in a job's number, confirmed by the same number in XMP or by Midjourney's own flags."""
    unique = properties.get(xmp.IPTC + "DigImageGUID", "").lower()
    for text in (
        texts.get("Description", ""), exif.description, properties.get(xmp.DC + "description", ""),
        records.get(iim.CAPTION, ""),
    ):  # fmt: skip
        match = _JOB.search(text[-200:])
        if match and (match[1] == unique or _FLAG.search(text)):
            return Tag("Midjourney", _FLAG.split(text, maxsplit=1)[0].removesuffix(match[0]).strip())
    return None


def _grok(exif: Exif) -> Tag | None:
    """xAI signs in ImageDescription and gives the picture's number as Artist."""
    if re.fullmatch(_UUID, exif.artist) and _GROK.fullmatch(exif.description):
        return Tag("Grok (xAI)")
    return None


def _bytedance(exif: Exif) -> Tag | None:
    """ByteDance's apps note the product and what kind of export it was; only a generation is one."""
    for text in exif.texts:
        value = objects.parse(text)
        data = value.get("data") if isinstance(value, dict) and "aigc_info" in value else None
        if isinstance(data, dict) and data.get("exportType") == "generation":
            name = _PRODUCTS.get(objects.text(data.get("product")))
            if name:
                return Tag(name)
    return None
