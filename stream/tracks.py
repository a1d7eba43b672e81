"""Tracks of one call, laid side by side on one clock by the time that each frame carries.

Knows nothing of messages, sessions or speech. A sample is a byte; positions are samples since the call began.
"""

from __future__ import annotations


class Tracks:
    """`place` frames as they come, `take` what has come on all tracks, `drain` the rest at the end.

    silence: the byte that fills what never came. patience: so far a track may fall behind before the others go on
    without it. slack: so far they then still stay back, so that what it says next finds its place open.
    """

    def __init__(self, count: int, *, silence: int, patience: int, slack: int) -> None:
        self._ends = [0] * count
        """Where the audio of each track ends."""
        self._silence = bytes([silence])
        self._patience = patience
        self._slack = slack
        self._taken = 0
        self._open = bytearray()
        """All tracks interleaved, from `_taken` to the furthest end."""

    @property
    def end(self) -> int:
        """Where the furthest track ends."""
        return max(self._ends)

    def place(self, track: int, at: int, frame: bytes) -> int:
        """Lay a frame where it belongs; returns how much of it came too late for that and is lost.

        A time within half the frame of where the track ends is taken for just there: senders' clocks are uneven by
        some ms, and cuts or holes of that size are heard as clicks.
        """
        end = self._ends[track]
        if abs(at - end) * 2 < len(frame):
            at = end
        late = min(len(frame), max(0, self._taken - at))
        if late < len(frame):
            self._ends[track] = max(end, at + len(frame))
            self._write(track, at + late, frame[late:])
        return late

    def take(self) -> bytes:
        """What can be told by now, interleaved: whole samples of all tracks."""
        furthest = self.end
        without_it = furthest - self._slack
        return self._take(min(end if furthest - end <= self._patience else without_it for end in self._ends))

    def drain(self) -> bytes:
        """All that is left."""
        return self._take(self.end)

    def _take(self, until: int) -> bytes:
        size = max(0, until - self._taken) * len(self._ends)
        taken = bytes(self._open[:size])
        del self._open[:size]
        self._taken = max(self._taken, until)
        return taken

    def _write(self, track: int, at: int, frame: bytes) -> None:
        step = len(self._ends)
        first, end = (at - self._taken) * step, (at + len(frame) - self._taken) * step
        if end > len(self._open):
            self._open += self._silence * (end - len(self._open))
        self._open[first + track : end : step] = frame
