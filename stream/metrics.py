"""What the service counts, for Prometheus. Labels are few: never a session, a key or anything that was said.

Knows nothing of what the figures mean to anyone.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from stream.usage import WorkerUsage

SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)
SHORT_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
BATCHES = (1, 2, 4, 8, 16, 32)


class Metrics:
    """One set per server, with a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.sessions = Gauge("stt_sessions_active", "Sessions that are open", registry=registry)
        self.sessions_total = Counter("stt_sessions", "Sessions that have ended", ["outcome"], registry=registry)
        self.viewers = Gauge("stt_viewers_active", "Connections that watch a session", registry=registry)
        self.webhooks = Counter(
            "stt_webhooks", "Finals posted to webhooks, or given up", ["outcome"], registry=registry
        )
        self.recordings = Counter(
            "stt_recordings", "Recordings transcribed, or not to their end", ["outcome"], registry=registry
        )
        self.chats = Counter("stt_chats", "Chats answered, or not to their end", ["outcome"], registry=registry)
        self.rejected = Counter(
            "stt_sessions_rejected", "Connections refused before they were a session", ["reason"], registry=registry
        )
        self.received = Counter("stt_audio_received_seconds", "Audio accepted, over all channels", registry=registry)
        self.backlog = Gauge("stt_backlog_seconds", "Audio accepted, not yet decoded", ["model"], registry=registry)
        self.partial_delay = Histogram(
            "stt_partial_delay_seconds",
            "Audio accepted but not in the partial sent",
            buckets=SECONDS,
            registry=registry,
        )
        self.final_delay = Histogram(
            "stt_final_delay_seconds",
            "End of speech in the audio to the final sent",
            buckets=SECONDS,
            registry=registry,
        )
        self.decode = Histogram(
            "stt_decode_seconds", "One step of a model", ["model"], buckets=SECONDS, registry=registry
        )
        self.queue = Histogram(
            "stt_decode_queue_seconds", "Endpoint decision to the step of its final", buckets=SECONDS, registry=registry
        )
        self.batch = Histogram(
            "stt_batch_size", "Utterances in one step", ["model"], buckets=BATCHES, registry=registry
        )
        self.restarts = Counter("stt_worker_restarts", "Workers started anew", ["model"], registry=registry)
        self.coalesced = Counter(
            "stt_partials_coalesced", "Partials superseded before they were sent", registry=registry
        )
        self.warnings = Counter("stt_warnings", "Warnings sent to clients", ["code"], registry=registry)
        self.closes = Counter("stt_ws_close", "Sockets closed by the server", ["code"], registry=registry)
        self.loop_lag = Histogram(
            "stt_event_loop_lag_seconds",
            "How late the event loop runs a timer",
            buckets=SHORT_SECONDS,
            registry=registry,
        )
        self.draining = Gauge("stt_draining", "1 while the server shuts down", registry=registry)
        ProcessCollector(registry=registry)
        self.workers = WorkerUsage()
        registry.register(self.workers)
