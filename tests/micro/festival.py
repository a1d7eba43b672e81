"""Festival, older and slower than flite, as a child process that is fed Scheme.

Knows nothing of splits or of the sample rate that is wanted in the end. Needs Debian's festival, festvox-kallpc16k
and festvox-us-slt-hts.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

_PREPARE = """
(define (steno_words word)  ; punctuation is a word without segments
  (cond ((null word) nil)
        ((> (item.feat word 'word_end) 0) (cons word (steno_words (item.next word))))
        (t (steno_words (item.next word)))))
(define (steno_print token)
  (if token
      (let ((words (steno_words (item.daughter1 token))))
        (if words
            (format t "%d %f %f\\n" (length (item.feat token 'whitespace))
                    (item.feat (car words) 'word_start) (item.feat (car (last words)) 'word_end)))
        (steno_print (item.next token)))))
(define (steno_speak text file)
  (set! utt (utt.synth (eval (list 'Utterance 'Text text))))
  (utt.save.wave utt file 'riff)
  (steno_print (utt.relation.first utt 'Token)))
"""
_KAL, _SLT = "kal_diphone", "cmu_us_slt_arctic_hts"


def speak(
    name: str, tokens: Sequence[str], rate: float, pitch: float
) -> tuple[NDArray[np.int16], float, list[tuple[int, int]]]:
    """Samples, their rate, and each token's begin and end in samples. `name` is "kal_diphone", say."""
    shift = 1.0
    if name == _SLT:  # nothing moves its pitch: it is spoken slower, then played faster
        shift = pitch
        settings = f"""(set! hts_engine_params (cons '("-r" {rate / shift:.6f}) {_SLT}::hts_engine_params))"""
    else:
        model = "(target_f0_std 14) (model_f0_mean 170) (model_f0_std 34)"
        settings = f"""(Parameter.set 'Duration_Stretch {1 / rate:.6f})
            (set! int_lr_params '((target_f0_mean {105 * pitch:.6f}) {model}))"""
    text = " ".join(tokens).replace("\\", "\\\\").replace('"', '\\"')
    with tempfile.TemporaryDirectory(prefix="festival-") as folder:
        path = Path(folder, "spoken.wav")
        printed = _evaluate(f'(voice_{name}) {settings} (steno_speak "{text}" "{path}")')
        if not path.exists():
            raise ValueError(f"Festival cannot speak {text!r}")
        samples, hertz = soundfile.read(path, dtype="int16")
    spans: list[tuple[int, int]] = []
    for line in printed:
        spaces, begin, end = line.split()
        if spans and spaces == "0":  # what no whitespace parts is one token
            spans[-1] = spans[-1][0], round(float(end) * hertz)
        else:
            spans.append((round(float(begin) * hertz), round(float(end) * hertz)))
    return samples, hertz * shift, spans


def _evaluate(scheme: str) -> list[str]:
    """The lines it prints."""
    child = _child()
    assert child.stdin
    assert child.stdout
    child.stdin.write(f'{scheme}\n(format t "done\\n") (fflush nil)\n')
    child.stdin.flush()
    lines: list[str] = []
    while (line := child.stdout.readline()) != "done\n":
        if not line:
            raise RuntimeError("Festival died")
        lines.append(line)
    return lines


@cache
def _child() -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    child = subprocess.Popen(["festival", "--pipe"], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
    assert child.stdin
    child.stdin.write(_PREPARE)
    atexit.register(child.communicate)  # closes its input, which ends it
    return child


os.register_at_fork(after_in_child=_child.cache_clear)  # two processes cannot share its pipes
