from steno.bench.heard import Talk
from steno.bench.losses import Losses, losses
from steno.events import Done, Latencies, Quantiles
from tests.clients.python.bench.heard import segment


def done(received, segments):
    nothing = Quantiles(p50=None, p95=None)
    latency = Latencies(partials=nothing, finals=nothing)
    told = {"audio_s": 1.0, "speech_s": 1.0, "words": 0}
    return Done(seq=9, received=received, segments=segments, latency=latency, **told)


def talk(*segments, sent=100, received=100, durable=100, counted=None, strays=0):
    counted = len(segments) if counted is None else counted
    return Talk(sent=sent, durable=durable, strays=strays, segments=list(segments), done=done(received, counted))


def test_a_session_in_which_all_is_accounted_for_loses_nothing():
    found = losses([talk(segment(final="a", start=0, end=1), segment(final="b", start=1, end=2))])
    assert found == Losses(samples=0, segments=0, strays=0, overlaps=0)
    assert not found.any


def test_each_kind_of_loss_is_counted():
    found = losses(
        [
            talk(sent=100, received=90, durable=85),
            talk(sent=100, received=101, durable=101),
            talk(segment(), counted=3),
            talk(strays=2),
            talk(segment(final="a", start=0, end=1), segment(final="b", start=0.9, end=2)),
        ]
    )
    assert found == Losses(samples=16, segments=3, strays=2, overlaps=1)
    assert found.any


def test_a_session_without_done_is_told_of_elsewhere():
    assert not losses([Talk(sent=100, segments=[segment()])]).any
