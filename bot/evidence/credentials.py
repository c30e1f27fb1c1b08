"""Content Credentials (C2PA) as a finding: what they say about AI, and how much that is worth."""

from bot.evidence import kinds, manifest, text, verification
from bot.evidence.container import Metadata
from bot.evidence.manifest import Story
from bot.verdict import Finding, Strength
from bot.wording import say

_KINDS = {manifest.GENERATED: kinds.CREDENTIALS_GENERATED, manifest.EDITED: kinds.CREDENTIALS_EDITED}
_SENTENCES = {manifest.GENERATED: "generated", manifest.EDITED: "edited", manifest.CAPTURED: "captured", "": "present"}


def read(data: bytes, metadata: Metadata, language: str) -> Finding | None:
    """None when the file has no Content Credentials."""
    if not metadata.jumbf:
        return None
    told = manifest.read(metadata.jumbf)
    if told is None:
        return None
    verified = verification.verify(data, metadata.mime)
    if verified is None:
        return _finding(told, say("evidence.credentials-unverified", language), Strength.SELF_DECLARED, language)
    signer = text.clean(verified.signer) or "?"
    if not verified.whole:
        return Finding(kinds.CREDENTIALS_BROKEN, say("evidence.credentials-broken", language), Strength.HINT)
    if verified.trust is None:
        worth = say("evidence.credentials-untrusted", language, signer=signer)
        return _finding(verified.story, worth, Strength.SELF_DECLARED, language)
    trust = say(f"evidence.trust-{verified.trust.value}", language)
    worth = say("evidence.credentials-signed", language, signer=signer, trust=trust)
    return _finding(verified.story, worth, Strength.SIGNED, language)


def _finding(story: Story, worth: str, strength: Strength, language: str) -> Finding:
    """Credentials without a word about AI are worth no more than a hint, unless they are signed."""
    kind = _KINDS.get(story.made, kinds.CREDENTIALS)
    if kind == kinds.CREDENTIALS and strength is Strength.SELF_DECLARED:
        strength = Strength.HINT
    tools = ", ".join(text.clean(tool) for tool in story.tools[:3])
    said = say(f"evidence.credentials-{_SENTENCES[story.made]}", language, tools=f" ({tools})" if tools else "")
    return Finding(kind, f"{said} {worth}", strength)
