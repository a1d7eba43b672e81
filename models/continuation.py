"""Rows of tokens that a Voxtral's network continues side by side.

Knows nothing of what tokens mean, nor of how the next one is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache, VoxtralForConditionalGeneration


class Continuation:
    """Owns what the network remembers of its rows; that is given back with the last reference.

    logits: rows x vocabulary, float32, for the token behind each row.
    """

    logits: Tensor

    def __init__(self, network: VoxtralForConditionalGeneration) -> None:
        self._network = network
        self._cache = DynamicCache(config=network.config.text_config)
        self._mask = torch.empty(0, 0, dtype=torch.long, device=network.device)

    def read(self, rows: Sequence[Sequence[int]], clips: NDArray[np.float32] | None = None, pad: int = 0) -> None:
        """Append tokens to every row; all or, where that raises, none.

        Rows of unequal lengths have padding before the first of them, which no row attends to, so this may happen only
        once. clips: 30 s each x mel bins x 3000 frames, in the order of the audio tokens in `rows` that stand for them.
        """
        longest = max(map(len, rows))
        device = self._mask.device
        tokens = torch.tensor([[pad] * (longest - len(row)) + list(row) for row in rows], device=device)
        fresh = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=device)
        mask = torch.cat([self._mask, fresh], dim=1) if self._mask.numel() else fresh
        remembered = self._cache.get_seq_length()
        try:
            with torch.inference_mode():
                heard = self._network(
                    input_ids=tokens,
                    input_features=None if clips is None else torch.from_numpy(clips).to(device, self._network.dtype),
                    attention_mask=mask,
                    position_ids=(mask.cumsum(1) - 1).clamp(min=0)[:, -longest:],
                    cache=self._cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
        except Exception:
            for layer in self._cache.layers:
                layer.crop(remembered - layer.get_seq_length())
            raise
        self._mask, self.logits = mask, heard.logits[:, -1].float()

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows, in this order, and give the memory of the others back."""
        chosen = torch.tensor(rows, device=self._mask.device)
        self._cache.batch_select_indices(chosen)
        self._mask, self.logits = self._mask[chosen], self.logits[chosen]
