"""Content Credentials (C2PA) as findings: what they say about AI, and how much that is worth."""

from bot.evidence import kinds, manifest, text, verification
from bot.evidence.container import Metadata
from bot.evidence.manifest import Story
from bot.evidence.phrases import found, phrase
from bot.verdict import Finding, Phrase, Strength

_KINDS = {manifest.GENERATED: kinds.CREDENTIALS_GENERATED, manifest.EDITED: kinds.CREDENTIALS_EDITED}
_SENTENCES = {manifest.GENERATED: "generated", manifest.EDITED: "edited", manifest.CAPTURED: "captured", "": "present"}


def read(data: bytes, metadata: Metadata) -> list[Finding]:
    """Empty when the file has no Content Credentials."""
    told = manifest.read(metadata.jumbf) if metadata.jumbf else None
    if told is None:
        return []
    verified = verification.verify(data, metadata.mime)
    if verified is None:
        return [_finding(told, phrase("evidence.credentials-unverified"), Strength.SELF_DECLARED)]
    if not verified.whole:
        return [found(kinds.CREDENTIALS_BROKEN, Strength.HINT, phrase("evidence.credentials-broken"))]
    signer = text.clean(verified.signer) or "?"
    if verified.trust is None:
        worth = phrase("evidence.credentials-untrusted", signer=signer)
        return [_finding(verified.story, worth, Strength.SELF_DECLARED)]
    trust = f"evidence.trust-{verified.trust.value}"
    worth = phrase("evidence.credentials-signed", signer=signer, trust=trust)
    findings = [_finding(verified.vouched, worth, Strength.SIGNED)]
    if verified.story.made != verified.vouched.made and verified.story.made in _KINDS:
        # A trusted editor has saved a picture whose earlier credentials nobody vouches for: it did not confirm them.
        worth = phrase("evidence.credentials-earlier")
        findings.append(_finding(verified.story, worth, Strength.SELF_DECLARED))
    return findings


def _finding(story: Story, worth: Phrase, strength: Strength) -> Finding:
    """Credentials without a word about AI are worth no more than a hint, unless they are signed."""
    kind = _KINDS.get(story.made, kinds.CREDENTIALS)
    if kind == kinds.CREDENTIALS and strength is Strength.SELF_DECLARED:
        strength = Strength.HINT
    tools = ", ".join(text.clean(tool) for tool in story.tools[:3])
    said = phrase(f"evidence.credentials-{_SENTENCES[story.made]}", tools=f" ({tools})" if tools else "")
    return found(kind, strength, said, worth)
