"""How sure the difference of two error rates is: a paired bootstrap over files.

Pure; knows nothing of words or audio.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES = 10_000


def interval(errors: Sequence[int], others: Sequence[int], words: Sequence[int], seed: int = 0) -> tuple[float, float]:
    """Between which bounds, at 95 %, the pooled error rate of `errors` minus that of `others` lies, in points.

    Each file has its place in all three; at least one has words. Both systems heard the same files, so a resample
    draws both errors of a file together: what makes a file hard for both doesn't widen the interval.
    """
    files = len(words)
    drawn = np.random.default_rng(seed).multinomial(files, np.full(files, 1 / files), size=RESAMPLES)
    more = drawn @ np.subtract(errors, others)
    said = drawn @ np.asarray(words)
    low, high = np.percentile(100 * more[said > 0] / said[said > 0], [2.5, 97.5])
    return float(low), float(high)
