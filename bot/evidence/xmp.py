"""XMP: the properties that a packet states about the picture itself.

Properties of other resources (ingredients in a pantry, history events) lie deeper in the tree and are left out. Packets
with a document type are refused: XMP never has one, and entities are how XML grows without limit.
"""

from xml.etree import ElementTree

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
MAX_PACKET = 1024 * 1024
MAX_DEPTH = 24
MAX_PROPERTIES = 2000
_TEXT_LENGTH = 64 * 1024

DC = "{http://purl.org/dc/elements/1.1/}"
XMP = "{http://ns.adobe.com/xap/1.0/}"
PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
EXIF = "{http://ns.adobe.com/exif/1.0/}"
TIFF = "{http://ns.adobe.com/tiff/1.0/}"
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
SDCPP = "{https://github.com/leejet/stable-diffusion.cpp/ns/1.0/}"
AIGC = "{http://www.tc260.org.cn/ns/AIGC/1.0/}"

Properties = dict[str, str]

_LISTS = (RDF + "Alt", RDF + "Bag", RDF + "Seq")


class _TooMuch(Exception):
    """The packet is deeper or larger than any real one."""


class _Collector:
    """An ElementTree target that keeps rdf:RDF/rdf:Description/property, as attribute, element, or items of a list."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.found: Properties = {}
        self.text: list[str] = []
        self.size = 0

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise _TooMuch

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.path.append(tag)
        if len(self.path) > MAX_DEPTH or len(self.found) > MAX_PROPERTIES:
            raise _TooMuch
        inside = self._inside()
        if len(inside) == 1:
            for name, value in attributes.items():
                self.found.setdefault(name, value[:_TEXT_LENGTH])
        elif len(inside) == 2 and RDF + "resource" in attributes:
            self.found.setdefault(tag, attributes[RDF + "resource"][:_TEXT_LENGTH])
        self.text, self.size = [], 0

    def data(self, text: str) -> None:
        if self.size < _TEXT_LENGTH:
            self.text.append(text)
            self.size += len(text)

    def end(self, tag: str) -> None:
        inside = self._inside()
        value = "".join(self.text).strip()[:_TEXT_LENGTH]
        item = len(inside) == 4 and inside[2] in _LISTS and tag == RDF + "li"
        if value and (len(inside) == 2 or item):
            self.found.setdefault(inside[1], value)
        self.path.pop()
        self.text, self.size = [], 0

    def _inside(self) -> list[str]:
        """The path from a description that belongs to the packet itself; empty outside of one."""
        start = 1 if self.path[0] == "{adobe:ns:meta/}xmpmeta" else 0
        if self.path[start : start + 2] == [RDF + "RDF", RDF + "Description"]:
            return self.path[start + 1 :]
        return []

    def close(self) -> Properties:
        return self.found


def read(packet: bytes) -> Properties:
    """Property names in ElementTree's notation and their (first) values. Never raises."""
    if not packet or len(packet) > MAX_PACKET:
        return {}
    collector = _Collector()
    parser = ElementTree.XMLParser(target=collector)
    try:
        # Writers pad packets with zeros, which expat refuses; in UTF-16 zeros are halves of letters.
        parser.feed(packet if packet[:2] in (b"\xff\xfe", b"\xfe\xff") else packet.strip(b"\0 \r\n\t"))
        parser.close()
    except (ElementTree.ParseError, _TooMuch, ValueError):
        return {}
    return collector.found
