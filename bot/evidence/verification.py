"""Whether the signature of Content Credentials is valid, and who vouches for its signer. Needs the extra `c2pa`.

Everything runs on this machine: remote manifests and revocation servers are never asked. Certificates are judged
against the two published lists in bot/evidence/trust/.
"""

import importlib
import json
import re
from functools import cache
from importlib import resources
from io import BytesIO
from typing import Any

from bot.evidence.report import Trust, Verified, judge

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def _library() -> Any:
    """The extra's module, or None. It is loaded with the first picture that needs it, and has no types."""
    try:
        return importlib.import_module("c2pa")
    except (ImportError, OSError):  # OSError: its native library does not fit this machine
        return None


def available() -> bool:
    """Whether signatures can be verified here."""
    return _library() is not None


def verify(data: bytes, mime: str) -> Verified | None:
    """None when the extra is missing or its reader finds nothing. Never raises."""
    library = _library()
    report = _report(library, data, mime) if library is not None else None
    return judge(report) if report is not None else None


def _report(library: Any, data: bytes, mime: str) -> dict[str, Any] | None:
    offline = {"remote_manifest_fetch": False, "ocsp_fetch": False}
    anchors = _anchors()
    # The purposes stand with each list and above them: the library reads the latter when it checks the certificate.
    settings = {
        "trust": {"anchors": anchors, "trust_config": anchors[0]["trust_config"]},
        "verify": offline | {"verify_trust": True, "verify_timestamp_trust": True},
    }
    with library.Context.from_dict(settings) as context:
        try:
            with library.Reader(mime, BytesIO(data), context=context) as reader:
                report = json.loads(reader.json())
        except Exception:  # its errors have many classes, and all of them mean that there is nothing to believe
            return None
    return report if isinstance(report, dict) else None


@cache
def _anchors() -> list[dict[str, str]]:
    """The trust lists in the library's words. `trust_uri` comes back with the result and says which one it was."""
    folder = resources.files("bot.evidence") / "trust"

    def text(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    def one(name: str, kind: str, trust: Trust) -> dict[str, str]:
        certificates = "\n".join(_CERTIFICATE.findall(text(name))) + "\n"
        common = {"trust_kind": kind, "trust_uri": trust.value, "trust_config": text("purposes.txt")}
        return common | {"trust_anchors": certificates}

    return [
        one("c2pa.pem", "manifest", Trust.C2PA),
        one("c2pa-time.pem", "tsa", Trust.C2PA),
        one("interim.pem", "manifest", Trust.INTERIM) | {"allowed_list": text("interim-signers.sha256.txt")},
        one("interim.pem", "tsa", Trust.INTERIM),
    ]
