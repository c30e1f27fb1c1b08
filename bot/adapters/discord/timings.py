"""How long Discord is waited for. Tests shorten it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """In seconds."""

    first_retry: float = 1.0
    longest_retry: float = 60.0
    send_seconds: float = 30.0  # one request to Discord
    download_seconds: float = 20.0
    download_tries: int = 3
    unfurl_seconds: float = 2.5  # Discord adds the picture of a link to a message a moment later
    quick_seconds: float = 1.0  # what is made by then is said at once, without acknowledging first
    ack_seconds: float = 2.8  # an interaction must be acknowledged within 3
    token_seconds: float = 14 * 60.0  # an interaction's token lives for 15 minutes
    tell_seconds: float = 60.0  # for what is only courtesy: a sentence instead of an answer, a button's answer
    drain_seconds: float = 10.0  # for what is under way when Candid closes
    nonce_seconds: float = 120.0  # Discord remembers a nonce for a few minutes
