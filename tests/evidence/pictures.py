"""Pictures with metadata for the tests: made by Pillow, with blocks put in where Pillow has no way to."""

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
SDCPP = "https://github.com/leejet/stable-diffusion.cpp/ns/1.0/"
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def picture(mode: str = "RGB") -> Image.Image:
    return Image.linear_gradient("L").resize((96, 80)).convert(mode)


def saved(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    out = BytesIO()
    (image or picture()).save(out, kind, **options)
    return out.getvalue()


def png(**texts: str) -> bytes:
    return png_texts(list(texts.items()))


def png_texts(texts: list[tuple[str, str]], packed: bool = False, international: bool = False) -> bytes:
    info = PngInfo()
    for keyword, value in texts:
        if international:
            info.add_itxt(keyword, value, zip=packed)
        else:
            info.add_text(keyword, value, zip=packed)
    return saved("PNG", pnginfo=info)


def exif(tags: dict[int, object] | None = None, comment: bytes | None = None, **shot: object) -> bytes:
    """An EXIF block; `comment` is UserComment as its bytes, `shot` are the tags of a camera's exposure."""
    block = Image.Exif()
    for tag, value in (tags or {}).items():
        block[tag] = value
    if comment is not None:
        block.get_ifd(0x8769)[0x9286] = comment
    if shot:
        block.get_ifd(0x8769).update({33434: 0.005, 33437: 2.8, 34855: 100})
    return block.tobytes()


def xmp(body: str = "", attributes: str = "", wrap: bool = True) -> bytes:
    """A packet about the picture: `attributes` and `body` of its one rdf:Description."""
    names = (
        f'xmlns:Iptc4xmpExt="{IPTC}" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
        'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" '
        'xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"'
    )
    inside = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {names} {attributes}>{body}</rdf:Description></rdf:RDF>'
    )
    if not wrap:
        return inside.encode()
    head = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    return f'{head}<x:xmpmeta xmlns:x="adobe:ns:meta/">{inside}</x:xmpmeta><?xpacket end="w"?>'.encode()


def source_type(term: str) -> bytes:
    return xmp(attributes=f'Iptc4xmpExt:DigitalSourceType="{SOURCE}{term}"')


def jpeg_with(*segments: tuple[int, bytes]) -> bytes:
    """A JPEG with (marker, payload) segments behind its start."""
    data = saved("JPEG")
    parts = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments)
    return data[:2] + parts + data[2:]


def with_xmp(kind: str, packet: bytes) -> bytes:
    if kind == "JPEG":
        return jpeg_with((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet))
    if kind == "PNG":
        return png_texts([("XML:com.adobe.xmp", packet.decode())], international=True)
    return saved(kind, xmp=packet)


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_with(*chunks: bytes) -> bytes:
    """A PNG with whole chunks put in behind its header."""
    data = saved("PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def jumbf(label: str, *content: bytes, kind: bytes = b"c2pa") -> bytes:
    """A JUMBF superbox."""
    description = kind + b"\0\x11\0\x10\x80\0\0\xaa\x008\x9bq" + b"\x03" + label.encode() + b"\0"
    return box(b"jumb", box(b"jumd", description), *content)


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + name + body


def cbor(value: object) -> bytes:
    """CBOR of texts, numbers, lists and maps."""
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(cbor(key) + cbor(item) for key, item in value.items())
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(cbor, value))
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    assert isinstance(value, int)
    return _head(0, value)


def _head(major: int, value: int) -> bytes:
    if value < 24:
        return bytes([major << 5 | value])
    return bytes([major << 5 | 25]) + struct.pack(">H", value)


def manifest(label: str, actions: list[dict[str, object]], generator: str = "Some Tool", **ingredient: object) -> bytes:
    """One manifest of Content Credentials without a signature."""
    assertions = [jumbf("c2pa.actions.v2", box(b"cbor", cbor({"actions": actions})))]
    if ingredient:
        assertions.append(jumbf("c2pa.ingredient.v3", box(b"cbor", cbor(ingredient))))
    claim = box(b"cbor", cbor({"claim_generator_info": {"name": generator}}))
    return jumbf(label, jumbf("c2pa.assertions", *assertions), jumbf("c2pa.claim.v2", claim))


def with_credentials(*manifests: bytes, kind: str = "PNG") -> bytes:
    store = jumbf("c2pa", *manifests)
    if kind == "JPEG":
        return jpeg_with((0xEB, b"JP\0\x01\0\0\0\x01" + store))
    return png_with(png_chunk(b"caBX", store))


def hidden(payload: bytes, name: bytes, mode: str = "RGBA", length: int | None = None) -> Image.Image:
    """A picture with a stealth mark: `name`, the length in bits, `payload`, in the lowest bits column by column."""
    image = Image.effect_noise((200, 160), 60).convert("RGB").convert(mode)
    pixels = np.array(image)
    bits = np.unpackbits(
        np.frombuffer(name + struct.pack(">I", 8 * len(payload) if length is None else length) + payload, np.uint8)
    )
    part = pixels[:, :, 3:] if mode == "RGBA" else pixels[:, :, :3]
    columns = part.transpose(1, 0, 2).reshape(-1).copy()
    columns[: len(bits)] = columns[: len(bits)] & 0xFE | bits
    height, width, depth = part.shape
    restored = columns.reshape(width, height, depth).transpose(1, 0, 2)
    pixels[:, :, 3 if mode == "RGBA" else 0 :] = restored
    return Image.fromarray(pixels, mode)
