"""What travels through Redis: names of keys, lifetimes, and outcomes as JSON."""

import base64
from typing import Any

from bot.errors import Refusal, TryLater
from bot.limits import Lane, later
from bot.verdict import Verdict, from_json, to_json

STREAMS = {Lane.PERSON: "candid:tasks:person", Lane.AUTOMATIC: "candid:tasks:automatic"}  # in the order of their worth
GROUP = "candid-workers"
RESULTS = "candid:result"  # and the request's id
DONE = "candid:done"  # the channel on which ids of finished requests are called out
MODEL = "candid:model"  # what the workers judge with
TRAIL = "request"  # the label of a task that names the request (bot.trail) of whoever was first to ask for it
WORKERS = "candid:worker:"  # and the worker's id, while it lives
PLACES = "candid:places:"  # and the worker's id: how many pictures it takes at a time

PICTURE_SECONDS = 180  # that a picture may lie in Redis; longer than anybody waits for it
RESULT_SECONDS = 120
CLAIM_SECONDS = 20.0  # after which a task whose worker says nothing is given to another; no picture takes as long
DELIVERIES = 3  # after so many workers died with the same picture it is given up
HEARTBEAT_SECONDS, LIFE_SECONDS = 2.0, 8


class WorkerBug(Exception):
    """A worker failed on this picture for a reason that nobody foresaw; its log has the details under the number."""


def picture_key(request: str) -> str:
    return f"candid:picture:{request}"


def flight_key(request: str) -> str:
    return f"candid:flight:{request}"


def of_verdict(verdict: Verdict) -> dict[str, Any]:
    return {"verdict": to_json(verdict)}


def of_refusal(refusal: Refusal) -> dict[str, Any]:
    return {"refusal": [refusal.reason, str(refusal), refusal.key, refusal.values]}


def of_later(error: TryLater) -> dict[str, Any]:
    return {"later": [error.seconds, str(error)]}


def of_drawing(drawn: bytes | None) -> dict[str, Any]:
    return {"replaced": True} if drawn is None else {"drawing": base64.b64encode(drawn).decode()}


def lasts(outcome: Any) -> bool:
    """Whether it may stay for a while: not what is true of this moment only ("later", "gone", "replaced"), and not a drawing,
    for that shows the picture."""
    return isinstance(outcome, dict) and not outcome.keys().isdisjoint(("verdict", "refusal", "bug"))


def read(outcome: dict[str, Any]) -> Verdict | bytes | None:
    """What a worker said: a verdict, a drawing, or None for a drawing by a model that was replaced. Raises what it raised."""
    if "verdict" in outcome:
        return from_json(outcome["verdict"])
    if "drawing" in outcome:
        return base64.b64decode(outcome["drawing"])
    if "refusal" in outcome:
        reason, text, key, values = outcome["refusal"]
        raise Refusal(reason, text, key, values)
    if "later" in outcome:
        seconds, text = outcome["later"]
        raise TryLater(seconds, text)
    if "gone" in outcome:
        raise later("queue", 10)
    if "bug" in outcome:
        raise WorkerBug(f"error {outcome['bug']} in a worker")
    return None
