"""Many people at once in both chats, while things break: the shared parts of tests/test_storm.py and benchmarks/storm.py."""

from tests.storm.process import Candid, Late, idle_loop
from tests.storm.storm import Outcome, Storm

__all__ = ["Candid", "Late", "Outcome", "Storm", "idle_loop"]
