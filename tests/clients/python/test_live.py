import io

import pytest
from rich.console import Console

from steno.events import (
    Ack,
    Done,
    Failed,
    Final,
    Gap,
    GoingAway,
    Latencies,
    Latency,
    Limits,
    Partial,
    Quantiles,
    Ready,
    Suppressed,
    Warned,
)
from steno.live import LiveView, clock, summary


def ready(**options):
    limits = Limits(frame_bytes=1, text_bytes=1, ahead_s=1, start_s=1, idle_s=1, session_s=1, finalize_ms=1)
    return Ready(
        protocol=1,
        session="s",
        token="t",
        model="m",
        options={"sample_rate": 8000, "channels": 1, **options},
        resume_window_s=0,
        limits=limits,
    )


def partial(text, stable=0, segment=0, channel=0):
    return Partial(
        segment=segment, channel=channel, start=1.5, end=2, text=text, stable=stable, language=None, lag_ms=0
    )


def final(text, segment=0, channel=0):
    return Final(
        seq=1,
        segment=segment,
        channel=channel,
        start=1.5,
        end=2.25,
        text=text,
        language=None,
        confidence=None,
        reason="stop",
        latency=Latency(endpoint=0, queue=0, decode=0, send=0, total=0),
    )


def shown(*events, duration_s=None, **settings):
    """What a console with such settings gets to see, by event."""
    console = Console(file=io.StringIO(), width=70, _environ={}, **settings)
    views = []
    with LiveView(console, duration_s) as view:
        for event in events:
            console.file.seek(0)
            console.file.truncate()
            view.show(event)
            views.append(console.file.getvalue())
    return views


def on_terminal(*events, **settings):
    return shown(*events, force_terminal=True, color_system="standard", legacy_windows=False, **settings)


# -- pipes and dumb terminals -------------------------------------------------------------------------------------


def test_a_pipe_gets_finals_as_plain_lines():
    seen = shown(ready(), partial("Hel"), final("Hello [bold]:smile: " + "x" * 100), final(""))
    assert seen == ["", "", f" 0:01.50  0:02.25  Hello [bold]:smile: {'x' * 100}\n", ""]


def test_a_dumb_terminal_is_treated_like_a_pipe():
    console = Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"})
    with LiveView(console) as view:
        view.show(partial("Hel"))
        view.show(final("Hello."))
    assert console.file.getvalue() == " 0:01.50  0:02.25  Hello.\n"


def test_several_channels_are_numbered():
    assert shown(ready(channels=2), final("Hello.", channel=1))[-1] == " 0:01.50  0:02.25  [2] Hello.\n"


def test_a_pipe_is_not_told_what_went_wrong_but_the_error_output_is(capsys):
    seen = shown(
        Warned(code="behind", message="partials are thinned"), Gap(seq=1, channel=0, start=1, end=2, reason="overload")
    )
    assert seen == ["", ""]
    assert capsys.readouterr().err == "behind: partials are thinned\nlost: 0:01.00 to 0:02.00, overload\n"


# -- terminals ----------------------------------------------------------------------------------------------------


def test_a_terminal_shows_what_is_stable_solid_and_the_rest_dim():
    (seen,) = on_terminal(partial("Hello you", stable=5))
    assert "Hello\x1b[2;3m you\x1b[0m" in seen


def test_partials_go_when_their_segment_ends():
    seen = on_terminal(
        partial("Hel"),
        partial("Other", segment=1),
        final("Hello."),
        Suppressed(seq=2, segment=1, channel=0, start=0, end=1, reason="noise"),
    )
    assert "Hel" in seen[1]
    assert "Other" in seen[1]
    assert "Hello." in seen[2]
    assert "Other" in seen[2]
    assert "Hel" not in seen[3]
    assert "Other" not in seen[3]


def test_text_cannot_command_the_terminal():
    seen = on_terminal(partial("a\x1b[2Jb", stable=2), final("a\x1b]0;title\x07b"), Warned(code="x", message="\x1b[2J"))
    assert "\x1b[2J" not in "".join(seen)
    assert "\x1b]0" not in "".join(seen)


@pytest.mark.parametrize(("options", "reached"), [({}, "0:03.00 of 0:10.00"), ({"mode": "file"}, "0:01.00 of 0:10.00")])
def test_progress_is_what_was_received_or_in_a_file_what_is_final(options, reached):
    seen = on_terminal(ready(offset=8000, **options), Ack(received=32_000, durable=16_000), duration_s=10.0)
    assert reached in seen[-1]


def test_without_a_length_there_is_just_the_time():
    assert "0:04.00" in on_terminal(ready(), Ack(received=32_000, durable=0))[-1]


def test_a_terminal_is_told_what_went_wrong():
    seen = on_terminal(Failed(code="unsupported", message="no prompts", fatal=False), GoingAway(deadline_s=30))
    assert "unsupported: no prompts" in seen[0]
    assert "30 s" in seen[1]


# -- figures ------------------------------------------------------------------------------------------------------


def test_summary_tells_audio_text_and_latencies():
    none = Quantiles(p50=None, p95=None)
    done = Done(
        seq=1,
        received=1,
        audio_s=62.34,
        speech_s=45.0,
        segments=12,
        words=210,
        latency=Latencies(partials=none, finals=Quantiles(p50=610.4, p95=820)),
    )
    console = Console(file=io.StringIO(), width=80)
    console.print(summary(done))
    lines = [line.split(None, 1) for line in console.file.getvalue().splitlines()]
    assert [(name, rest.strip()) for name, rest in lines] == [
        ("audio", "62.3 s, with 45.0 s of speech"),
        ("text", "12 segments, 210 words"),
        ("partials", "none"),
        ("finals", "610 ms after the end of speech, 95 % at most 820 ms"),
    ]


@pytest.mark.parametrize(
    ("seconds", "written"), [(0, "0:00.00"), (59.999, "1:00.00"), (83.456, "1:23.46"), (3723.45, "1:02:03.45")]
)
def test_clock(seconds, written):
    assert clock(seconds) == written
