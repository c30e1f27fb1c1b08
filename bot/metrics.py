"""What Candid counts, for Prometheus.

Every name that `/metrics` shows (besides the process's own, and the `_created` time of each):

candid_pictures_total                        pictures that were answered, with a verdict or a refusal
candid_verdicts_total{label, adapter}        label is ai, real or unsure; adapter is discord, telegram, web or cli
candid_refusals_total{reason}                pictures that could not be judged, by `Refusal.reason`
candid_later_total{reason}                   requests that were told to come again: user or chat (a limit), queue (it is full),
                                             workers (there is none), closing (it restarts)
candid_queue_depth                           pictures that wait in this process now
candid_stream_depth                          pictures in Redis that wait for workers or are in their hands ([scale])
candid_stage_seconds{stage}                  histogram: wait (for the network), decode, judge (a batch), total
candid_event_loop_pause_seconds              histogram: how late the event loop came back to a sleeping task
candid_event_loop_longest_pause_seconds      the longest of those since the start
candid_model_info{version}                   1 for the model that answers now
candid_adapter_up{adapter}                   1 while discord, telegram or web is connected and works, else 0
"""

import asyncio
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

PAUSE_PROBE_SECONDS = 0.02
_STAGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_PAUSE_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Metrics:
    """The counters of one running Candid. Each has its own registry, so that two in one process (tests) don't mix."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.longest_pause = 0.0
        self._pictures = Counter("candid_pictures", "Pictures that were answered", registry=self.registry)
        self._verdicts = Counter("candid_verdicts", "Verdicts given", ["label", "adapter"], registry=self.registry)
        self._refusals = Counter("candid_refusals", "Pictures not judged", ["reason"], registry=self.registry)
        self._later = Counter("candid_later", "Requests told to come again", ["reason"], registry=self.registry)
        self._queue = Gauge("candid_queue_depth", "Pictures that wait for the network", registry=self.registry)
        self._stream = Gauge("candid_stream_depth", "Pictures with the workers", registry=self.registry)
        self._stages = Histogram(
            "candid_stage_seconds", "Time of one stage", ["stage"], registry=self.registry, buckets=_STAGE_BUCKETS
        )
        self._pauses = Histogram(
            "candid_event_loop_pause_seconds", "Lateness of the loop", registry=self.registry, buckets=_PAUSE_BUCKETS
        )
        self._longest = Gauge(
            "candid_event_loop_longest_pause_seconds", "Longest lateness of the loop", registry=self.registry
        )
        self._adapters = Gauge("candid_adapter_up", "Whether it works", ["adapter"], registry=self.registry)
        self._model = Gauge("candid_model_info", "The model that answers", ["version"], registry=self.registry)

    def verdict(self, label: str, adapter: str) -> None:
        """One picture was judged for `adapter`."""
        self._pictures.inc()
        self._verdicts.labels(label, adapter).inc()

    def refusal(self, reason: str) -> None:
        """One picture could not be judged."""
        self._pictures.inc()
        self._refusals.labels(reason).inc()

    def later(self, reason: str) -> None:
        """One request was told to come again."""
        self._later.labels(reason).inc()

    def queue_depth(self, n: int) -> None:
        """`n` pictures wait for the network now."""
        self._queue.set(n)

    def stream_depth(self, n: int) -> None:
        """`n` pictures wait for workers or are in their hands."""
        self._stream.set(n)

    def seconds(self, stage: str, s: float) -> None:
        """One stage took `s` seconds; the stages are listed above."""
        self._stages.labels(stage).observe(s)

    def loop_pause(self, s: float) -> None:
        """The event loop came back `s` seconds late."""
        self._pauses.observe(s)
        if s > self.longest_pause:
            self.longest_pause = s
            self._longest.set(s)

    async def measure_pauses(self) -> None:
        """For ever: how late the loop comes back tells how long something blocked it."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + PAUSE_PROBE_SECONDS
            await asyncio.sleep(PAUSE_PROBE_SECONDS)
            self.loop_pause(max(0.0, loop.time() - due))

    def adapter(self, name: str, works: Callable[[], bool]) -> None:
        """Ask `works` about the adapter `name` whenever somebody looks."""
        self._adapters.labels(name).set_function(lambda: float(works()))

    def model(self, version: str) -> None:
        """`version` answers from now on."""
        self._model.clear()
        self._model.labels(version).set(1)

    def text(self) -> bytes:
        """Everything in Prometheus' text format; its content type is `content_type`."""
        return generate_latest(self.registry)
