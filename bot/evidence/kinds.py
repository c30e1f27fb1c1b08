"""The kinds of findings: a small set of stable words, and which of them say that a picture is AI-generated."""

from bot.verdict import Finding, Strength

CREDENTIALS_GENERATED = "credentials-generated"  # Content Credentials say that AI made the picture
CREDENTIALS_EDITED = "credentials-edited"  # ... that AI changed or completed a picture made otherwise
CREDENTIALS = "credentials"  # ... who signed it, and nothing about AI
CREDENTIALS_BROKEN = "credentials-broken"  # ... that do not belong to this picture, or were tampered with
SOURCE_GENERATED = "source-type-generated"  # IPTC's digital source type: trained algorithmic media
SOURCE_EDITED = "source-type-edited"  # IPTC's digital source type: composite with trained algorithmic media
PARAMETERS = "parameters"  # settings of an image generator (prompt, seed, steps, a workflow)
HIDDEN_PARAMETERS = "hidden-parameters"  # the same, written into the lowest bits of the pixels
GENERATOR_TAG = "generator-tag"  # a generator's name where software signs, or China's label for generated content
EDITOR_TAG = "ai-editor-tag"  # a tool's own words that AI changed the picture
WORKFLOW = "workflow"  # a node graph without any node that generates
CAMERA = "camera"  # a camera's EXIF

GENERATED = frozenset({CREDENTIALS_GENERATED, SOURCE_GENERATED, PARAMETERS, HIDDEN_PARAMETERS, GENERATOR_TAG})
EDITED = frozenset({CREDENTIALS_EDITED, SOURCE_EDITED, EDITOR_TAG})
KINDS = GENERATED | EDITED | {CREDENTIALS, CREDENTIALS_BROKEN, WORKFLOW, CAMERA}


def says_ai(finding: Finding) -> bool:
    """Whether the file says by this finding that AI generated it. A hint says nothing; edited is not generated."""
    return finding.kind in GENERATED and finding.strength is not Strength.HINT


def says_edited(finding: Finding) -> bool:
    """Whether the file says by this finding that AI edited it."""
    return finding.kind in EDITED and finding.strength is not Strength.HINT
