"""All figures of one run: what `steno bench` prints, writes as JSON and judges by.

Pure; knows nothing of how a run came about, nor of how it is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from steno.bench.accuracy import Accuracy, Tax, accuracy, tax
from steno.bench.losses import Losses, losses
from steno.bench.quantiles import Spread, percentile, spread
from steno.bench.run import Attempt, Run
from steno.bench.stability import Stability, stability
from steno.bench.timing import FinalLag, FirstLag, TimeError, WordLag, final_lags, first_lags, time_errors, word_lags
from steno.bench.usage import Usage, usage
from steno.errors import IncompleteError, RefusedError, SessionError, StenoError

CLOSE_S = 0.25
"""Words whose times are off by less are well placed."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time of a run that is measured, on its clock."""

    start: float = float("-inf")
    stop: float = float("inf")

    def holds(self, at: float) -> bool:
        return self.start <= at < self.stop


@dataclass(frozen=True, slots=True)
class Lags:
    """Each single lag of what was said in the window."""

    words: list[WordLag]
    firsts: list[FirstLag]
    finals: list[FinalLag]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Of all that were asked for. `refused` and `broken` count by reason; refusals are answers before the session.

    without_retry_after: refusals that don't say when to try again.
    """

    asked: int
    done: int
    refused: dict[str, int]
    without_retry_after: int
    broken: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Seconds; see `timing`."""

    onset_to_first_text: Spread
    speech_started_to_first_text: Spread
    word_to_shown: Spread
    word_to_stable: Spread
    speech_to_final: Spread
    endpoint_to_final: Spread
    endpoint_to_final_told: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class WordTimes:
    """By how many seconds words' starts and ends are off, and the share that is off by at most CLOSE_S."""

    start: Spread
    start_close: float
    end: Spread
    end_close: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Whether the client itself kept pace: seconds. `held` is how long servers had audio wait, in all."""

    late_p99: float | None
    held: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`at_once`: sessions; `audio_s`: speech and pauses in those that came to their end."""

    at_once: int
    model: str | None
    audio_s: float
    sessions: Sessions
    accuracy: Accuracy
    tax: Tax | None
    latency: Latency
    stability: Stability
    word_times: WordTimes | None
    losses: Losses
    warnings: dict[str, int]
    client: Client
    usage: Usage | None


def lags(run: Run, window: Window) -> Lags:
    plays = run.plays
    return Lags(
        words=[lag for play in plays for lag in word_lags(play) if window.holds(lag.at)],
        firsts=[lag for play in plays for lag in first_lags(play) if window.holds(lag.at)],
        finals=[lag for play in plays for lag in final_lags(play) if window.holds(lag.at)],
    )


def report(run: Run, at_once: int, lags: Lags, window: Window, offline: Mapping[str, str] | None) -> Report:
    plays, talks = run.plays, [attempt.talk for attempt in run.attempts]
    done = [talk.done for talk in talks if talk.done]
    return Report(
        at_once=at_once,
        model=next((talk.model for talk in talks if talk.model), None),
        audio_s=sum(each.audio_s for each in done),
        sessions=sessions(run.attempts),
        accuracy=accuracy(plays),
        tax=tax(plays, offline) if offline is not None else None,
        latency=latency(lags),
        stability=stability(segment for play in plays for segment in play.segments),
        word_times=word_times([error for play in plays for error in time_errors(play)]),
        losses=losses(talks),
        warnings=dict(Counter(code for talk in talks for code in talk.warnings)),
        client=Client(
            late_p99=percentile([late for talk in talks for late in talk.lateness], 99),
            held=sum(talk.held_s for talk in talks),
        ),
        usage=usage([reading for reading in run.readings if window.holds(reading.at)]),
    )


def sessions(attempts: Sequence[Attempt]) -> Sessions:
    refused = [attempt.error for attempt in attempts if isinstance(attempt.error, RefusedError)]
    broken = [each.error for each in attempts if each.error and not isinstance(each.error, RefusedError)]
    return Sessions(
        asked=len(attempts),
        done=sum(attempt.talk.done is not None for attempt in attempts),
        refused=dict(Counter(f"{error.status} {error.code}" for error in refused)),
        without_retry_after=sum(error.retry_after is None for error in refused),
        broken=dict(Counter(map(_reason, broken))),
    )


def latency(lags: Lags) -> Latency:
    return Latency(
        onset_to_first_text=spread(_known(lag.onset for lag in lags.firsts)),
        speech_started_to_first_text=spread(lag.started for lag in lags.firsts),
        word_to_shown=spread(lag.shown for lag in lags.words),
        word_to_stable=spread(lag.stable for lag in lags.words),
        speech_to_final=spread(_known(lag.speech for lag in lags.finals)),
        endpoint_to_final=spread(lag.endpoint for lag in lags.finals),
        endpoint_to_final_told=spread(lag.told for lag in lags.finals),
    )


def word_times(off: Sequence[TimeError]) -> WordTimes | None:
    if not off:
        return None
    return WordTimes(
        start=spread(error.start for error in off),
        start_close=sum(error.start <= CLOSE_S for error in off) / len(off),
        end=spread(error.end for error in off),
        end_close=sum(error.end <= CLOSE_S for error in off) / len(off),
    )


def _reason(error: StenoError) -> str:
    match error:
        case SessionError(code=code):
            return code
        case IncompleteError():
            return "cut short"
        case _:
            return str(error)


def _known(values: Iterable[float | None]) -> Iterable[float]:
    return (value for value in values if value is not None)
