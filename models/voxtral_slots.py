"""Voxtral Realtime's network on torch: the state of a fixed number of streams, and a step that takes 80 ms of each.

Knows nothing of utterances and words. What is said of transformers holds for 5.24: its layers are used as they are, but
not its caches, in which all rows of a batch begin together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from transformers import VoxtralRealtimeConfig, VoxtralRealtimeForConditionalGeneration
from transformers.models.voxtral_realtime.modeling_voxtral_realtime import apply_rotary_pos_emb

from models.voxtral_stream import PIECE, Row, Written

FFT, HOP = 400, 160
"""Samples of a mel frame, and from one to the next."""
LOUDEST = 1.5
"""Logarithm of the power that is taken for the most of all audio (`global_log_mel_max`), as the rest is yet to come."""
POSITIONS = 4
"""Of the encoder in a token: two frames each."""
DECODER_WINDOW = 512
"""Tokens, 41 s, that the decoder looks back where the model would allow for more (8192): an utterance is 30 s at most,
so nothing changes for it, and its slot takes a sixteenth of the memory."""


class Ring:
    """Keys and values that layers keep of each slot's latest positions, `width` of which are added at a time.

    Layers x slots x places x heads x size. A position's place is its number modulo `length`; behind those are some for
    rows that sit a step out.
    """

    def __init__(self, config: Any, window: int, width: int, slots: int, like: torch.Tensor) -> None:
        self.window, self.width = window, width
        # The first of the new positions still sees `window` of them.
        self.length = -(-(window + width - 1) // width) * width
        # A multiple of eight, for the sake of kernels that would pad a mask to it each time.
        self._places = -(-(self.length + width) // 8) * 8
        shape = (config.num_hidden_layers, slots, self._places, config.num_key_value_heads, config.head_dim)
        self.keys, self.values = (torch.zeros(shape, dtype=like.dtype, device=like.device) for _ in range(2))

    @property
    def state(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.keys, self.values

    def place(self, first: torch.Tensor, active: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """For rows whose new positions begin with `first`: these positions, their places (rows x width), and which
        places each of them sees (rows x 1 x width x places)."""
        positions = first[:, None] + torch.arange(self.width, device=first.device)
        places = torch.where(active[:, None], positions % self.length, self.length + positions % self.width)
        last = positions[:, -1:]
        held = last - (last - torch.arange(self.length, device=first.device)) % self.length
        held, seen_by = held[:, None, :], positions[:, :, None]
        seen = (held >= 0) & (held <= seen_by) & (held > seen_by - self.window)
        return positions, places, F.pad(seen, (0, self._places - self.length))[:, None]

    def attend(
        self,
        layer: int,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        places: torch.Tensor,
        seen: torch.Tensor,
    ) -> torch.Tensor:
        """Keep the new keys and values, and attend to all that is seen: rows x width x what all heads say together.

        query, key, value: rows x width x heads x size; places, seen: as `place` has them.
        """
        rows, width, heads, size = query.shape
        keys, values = self.keys[layer, :rows], self.values[layer, :rows]
        row = torch.arange(rows, device=query.device)[:, None]
        keys[row, places], values[row, places] = key, value
        # Heads that share keys are taken for so many more queries, since copies of the keys would cost what they save.
        shared = heads // key.shape[2]
        grouped = query.view(rows, width, key.shape[2], shared, size).permute(0, 2, 3, 1, 4).flatten(2, 3)
        attended = F.scaled_dot_product_attention(
            grouped, keys.transpose(1, 2), values.transpose(1, 2), attn_mask=seen.repeat(1, 1, shared, 1)
        )
        return attended.unflatten(2, (shared, width)).permute(0, 3, 1, 2, 4).reshape(rows, width, heads * size)


class Slots:
    """The network with the state of `count` streams; a `Network` of `voxtral_realtime`.

    prompt: the tokens of a stream's start, `given` of which come with silence: what they leave behind is computed once
    and copied into each slot that is reset. delay: in tokens, one for all streams. mel: FFT // 2 + 1 x bins.
    """

    def __init__(
        self,
        net: VoxtralRealtimeForConditionalGeneration,
        count: int,
        *,
        prompt: Sequence[int],
        given: int,
        delay: int,
        mel: np.ndarray[Any, Any],
    ) -> None:
        self.count = count
        self._net = net.requires_grad_(False).eval()
        weight = net.lm_head.weight
        self._device, self._dtype = weight.device, weight.dtype
        self._mel_filters = torch.as_tensor(mel, dtype=torch.float32, device=self._device)
        self._hann = torch.hann_window(FFT, device=self._device)
        self._encoder, self._decoder = _rings(net.config, count, weight)
        embedder = net.model.audio_tower.embedder
        self._convolved = [
            torch.zeros(count, conv.in_channels, conv.left_pad, dtype=self._dtype, device=self._device)
            for conv in (embedder.conv1, embedder.conv2)
        ]
        with torch.inference_mode():
            time = net.model.time_embedding(torch.full((1,), delay, dtype=self._dtype, device=self._device))
            self._scales = [1 + layer.ada_rms_norm(time[None]) for layer in net.model.language_model.layers]
        pinned = self._device.type == "cuda"
        # What a step is fed and what comes of it, at places that stay the same, so that a graph can be captured of it.
        self._host = [
            torch.zeros(count, PIECE, dtype=torch.int16, pin_memory=pinned),
            torch.zeros(count, 3, dtype=torch.int64, pin_memory=pinned),
        ]
        self._fed = [torch.zeros_like(each, device=self._device) for each in self._host]
        self._written = (
            torch.zeros(count, dtype=torch.int64, device=self._device),
            torch.zeros(count, dtype=torch.float32, device=self._device),
        )
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}
        self._start: list[torch.Tensor] = []
        self._prepare(prompt[:given])
        if pinned:
            self._capture()

    # -- the seam ---------------------------------------------------------------------------------------------------

    def reset(self, slot: int) -> None:
        with torch.inference_mode():
            for state, start in zip(self._state(slot), self._start, strict=True):
                state[..., : start.shape[-3], :, :].copy_(start)

    def step(self, rows: Sequence[Row]) -> list[Written]:
        # Slots are given out from the first on: the rows behind the last that is fed need not be looked at.
        size = self._size(1 + max(row.slot for row in rows))
        pieces, numbers = (each.numpy() for each in self._host)
        numbers[:size, 2] = 0
        for row in rows:
            pieces[row.slot] = row.piece
            numbers[row.slot] = (row.token, row.position, 1)
        with torch.inference_mode():
            for fed, host in zip(self._fed, self._host, strict=True):
                fed[:size].copy_(host[:size], non_blocking=True)
            if graph := self._graphs.get(size):
                graph.replay()
            else:
                self._compute(size)
            tokens, logs = (each[:size].tolist() for each in self._written)
        return [Written(tokens[row.slot], logs[row.slot]) for row in rows]

    # -- the network ------------------------------------------------------------------------------------------------

    def _compute(self, size: int) -> None:
        """A step of the first `size` slots, from what is fed to what is written."""
        pieces, numbers = (each[:size] for each in self._fed)
        token, position, active = numbers[:, 0], numbers[:, 1], numbers[:, 2] > 0
        model = self._net.model
        heard = model.multi_modal_projector(self._encoded(pieces, position, active))
        hidden = model.get_input_embeddings()(token)[:, None] + heard
        logits = self._net.lm_head(self._decoded(hidden, position, active))[:, 0].float()
        best = logits.max(dim=-1)
        self._written[0][:size] = best.indices
        self._written[1][:size] = best.values - logits.logsumexp(dim=-1)

    def _mel(self, pieces: torch.Tensor) -> torch.Tensor:
        """Rows x PIECE samples to rows x bins x frames, as transformers' feature extractor has them."""
        frames = (pieces.float() / 32_768).unfold(-1, FFT, HOP) * self._hann
        power = torch.fft.rfft(frames).abs() ** 2
        mel = torch.clamp(power @ self._mel_filters, min=1e-10).log10()
        return ((torch.clamp(mel, min=LOUDEST - 8) + 4) / 4).transpose(1, 2).to(self._dtype)

    def _encoded(self, pieces: torch.Tensor, position: torch.Tensor, active: torch.Tensor) -> torch.Tensor:
        """What the projector is given of a token: its positions side by side."""
        tower = self._net.model.audio_tower
        hidden = self._mel(pieces)
        for conv, before in zip((tower.embedder.conv1, tower.embedder.conv2), self._convolved, strict=True):
            state = before[: len(pieces)]
            hidden = torch.cat([state, hidden], dim=-1)
            state.copy_(torch.where(active[:, None, None], hidden[..., -state.shape[-1] :], state))
            hidden = F.gelu(F.conv1d(hidden, conv.weight, conv.bias, stride=conv.stride))
        hidden = hidden.transpose(1, 2)
        positions, places, seen = self._encoder.place(POSITIONS * position, active)
        turn = tower.rotary_emb(hidden, positions)
        for number, layer in enumerate(tower.layers):
            query = layer.self_attn_layer_norm(hidden)
            hidden = hidden + _attention(layer.self_attn, self._encoder, number, query, turn, places, seen)
            hidden = hidden + layer.mlp(layer.final_layer_norm(hidden))
        return tower.norm(hidden).flatten(1)[:, None]

    def _decoded(self, hidden: torch.Tensor, position: torch.Tensor, active: torch.Tensor) -> torch.Tensor:
        text = self._net.model.language_model
        positions, places, seen = self._decoder.place(position, active)
        turn = text.rotary_emb(hidden, positions)
        for number, (layer, scale) in enumerate(zip(text.layers, self._scales, strict=True)):
            query = layer.input_layernorm(hidden)
            hidden = hidden + _attention(layer.self_attn, self._decoder, number, query, turn, places, seen)
            hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden) * scale)
        return text.norm(hidden)

    # -- state ------------------------------------------------------------------------------------------------------

    def _state(self, slot: int) -> list[torch.Tensor]:
        """All that a slot remembers, as views with three dimensions at least, of which the third last grows."""
        rings = [each[:, slot] for ring in (self._encoder, self._decoder) for each in ring.state]
        return rings + [each[slot, None, None] for each in self._convolved]

    def _prepare(self, prompt: Sequence[int]) -> None:
        """Hear the silence before all streams."""
        silence = np.zeros(PIECE, np.int16)
        for position, token in enumerate(prompt):
            self.step([Row(0, position, token, silence)])
        places = [
            min(len(prompt) * ring.width, ring.length) for ring in (self._encoder, self._decoder) for _ in range(2)
        ]
        places += [1, 1]
        self._start = [state[..., :used, :, :].clone() for state, used in zip(self._state(0), places, strict=True)]

    # -- CUDA -------------------------------------------------------------------------------------------------------

    def _size(self, slots: int) -> int:
        """Of so many slots the number that a step takes: few sizes, as each has a graph of its own."""
        return min(1 << (slots - 1).bit_length(), self.count)

    def _capture(self) -> None:
        """Record a step of each size, the largest first, since they share memory; nobody is fed meanwhile."""
        self._fed[1].zero_()
        sizes = sorted({self._size(slots) for slots in range(1, self.count + 1)}, reverse=True)
        pool = torch.cuda.graph_pool_handle()
        with torch.inference_mode():
            for size in sizes:
                aside = torch.cuda.Stream()
                aside.wait_stream(torch.cuda.current_stream())
                with torch.cuda.stream(aside):
                    self._compute(size)
                torch.cuda.current_stream().wait_stream(aside)
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph, pool=pool):
                    self._compute(size)
                self._graphs[size] = graph


def slot_bytes(config: VoxtralRealtimeConfig, dtype: torch.dtype) -> int:
    """What a slot takes, but for some kB."""
    nowhere = torch.empty(0, dtype=dtype, device="meta")
    return sum(state.nbytes for ring in _rings(config, 1, nowhere) for state in ring.state)


def _rings(config: VoxtralRealtimeConfig, slots: int, like: torch.Tensor) -> tuple[Ring, Ring]:
    """The encoder's and the decoder's."""
    audio, text = config.audio_config, config.text_config
    window = min(text.sliding_window or DECODER_WINDOW, DECODER_WINDOW)
    return Ring(audio, audio.sliding_window, POSITIONS, slots, like), Ring(text, window, 1, slots, like)


def _attention(
    attention: Any,
    ring: Ring,
    layer: int,
    hidden: torch.Tensor,
    turn: tuple[torch.Tensor, torch.Tensor],
    places: torch.Tensor,
    seen: torch.Tensor,
) -> torch.Tensor:
    """A layer's self-attention, rows x width x channels."""
    query, key, value = (
        project(hidden).unflatten(-1, (-1, attention.head_dim))
        for project in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    query, key = apply_rotary_pos_emb(query, key, *turn, unsqueeze_dim=2)
    projected: torch.Tensor = attention.o_proj(ring.attend(layer, query, key, value, places, seen))
    return projected
