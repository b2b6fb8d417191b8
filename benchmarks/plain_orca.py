"""Orca's networks written plainly: the published module definitions with torch's own layers, as peers for benchmarks.

Written from the description of the network (Zhou 2022, Nature Genetics 54:725-734); names in the state dict are the
published ones, so that weights can be exchanged with :class:`cisflow.models.orca_net.OrcaNet` and
:class:`cisflow.models.orca_decoder.Decoder`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

WIDTHS, POOLS = (64, 96, 128, 128, 128, 128, 128), (1, 4, 4, 5, 5, 5, 2)
DILATIONS = (1, 2, 4, 8, 16, 32, 64) + 2 * (2, 4, 8, 16, 32, 64)
LEVEL_DILATIONS = 4 * (1, 2, 4, 8, 16, 32, 64)


def _linear_1d(pool: int, a: int, b: int) -> nn.Sequential:
    pooling = [nn.MaxPool1d(pool)] if pool > 1 else []
    convolutions = [nn.Conv1d(a, b, 9, padding=4), nn.BatchNorm1d(b), nn.Conv1d(b, b, 9, padding=4), nn.BatchNorm1d(b)]
    return nn.Sequential(*pooling, *convolutions)


def _nonlinear_1d(c: int) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv1d(c, c, 9, padding=4), nn.BatchNorm1d(c), nn.ReLU(inplace=True)),
        *(nn.Conv1d(c, c, 9, padding=4), nn.BatchNorm1d(c), nn.ReLU(inplace=True)),
    )


def _linear_2d(a: int, m: int, b: int, d: int, dropout: bool) -> nn.Sequential:
    first = [nn.Dropout(0.1)] if dropout else []
    options = {"padding": d, "dilation": d}
    convolutions = [nn.Conv2d(a, m, 3, **options), nn.BatchNorm2d(m), nn.Conv2d(m, b, 3, **options), nn.BatchNorm2d(b)]
    return nn.Sequential(*first, *convolutions)


def _nonlinear_2d(a: int, m: int, b: int, d: int) -> nn.Sequential:
    options = {"padding": d, "dilation": d}
    return nn.Sequential(
        *(nn.Conv2d(a, m, 3, **options), nn.BatchNorm2d(m), nn.ReLU(inplace=True)),
        *(nn.Conv2d(m, b, 3, **options), nn.BatchNorm2d(b), nn.ReLU(inplace=True)),
    )


class PlainNet(nn.Module):
    """Encoder and 1-Mb decoder; ``checkpointed`` recomputes activations in four parts, as the published training.

    ``share`` divides the channels of the encoder, which then stands alone.
    """

    def __init__(self, checkpointed: bool = True, share: int = 1):
        super().__init__()
        before = 4
        for k, (width, pool) in enumerate(zip(WIDTHS, POOLS, strict=True), 1):
            width //= share
            self.add_module(f"lconv{k}", _linear_1d(pool, before, width))
            self.add_module(f"conv{k}", _nonlinear_1d(width))
            before = width
        self.lconvtwos = nn.ModuleList(_linear_2d(64 if k else 128, 32, 64, d, not k) for k, d in enumerate(DILATIONS))
        self.convtwos = nn.ModuleList(_nonlinear_2d(64, 32, 64, d) for d in DILATIONS)
        self.final = nn.Sequential(nn.Conv2d(64, 5, 1), nn.BatchNorm2d(5), nn.ReLU(inplace=True), nn.Conv2d(5, 1, 1))
        self.checkpointed = checkpointed

    def encode_bins(self, x: Tensor) -> Tensor:
        """[batch, 4, length] to [batch, 128, n]."""
        for k in range(1, len(WIDTHS) + 1):
            linear = self.get_submodule(f"lconv{k}")(x)
            nonlinear = self.get_submodule(f"conv{k}")(linear)
            x = linear + nonlinear
        return nonlinear

    def encode(self, x: Tensor) -> Tensor:
        """[batch, 4, length] to sums of pairs [batch, 128, n, n]."""
        nonlinear = self.encode_bins(x)
        return nonlinear[:, :, :, None] + nonlinear[:, :, None, :]

    def decode(self, pairs: Tensor, first: int, last: int) -> Tensor:
        """Blocks ``first`` to ``last`` (exclusive), and the head after the last of all."""
        for k in range(first, last):
            linear = self.lconvtwos[k](pairs)
            pairs = linear + pairs if k else linear
            pairs = self.convtwos[k](pairs) + pairs
        if last < len(DILATIONS):
            return pairs
        contacts = self.final(pairs)
        return 0.5 * (contacts + contacts.transpose(2, 3))

    def forward(self, sequence: Tensor) -> Tensor:
        """[batch, 4, length] to [batch, 1, n, n]."""
        if not (self.checkpointed and torch.is_grad_enabled()):
            return self.decode(self.encode(sequence), 0, len(DILATIONS))
        pairs = checkpoint(self.encode, sequence, use_reentrant=False)
        for first, last in ((0, 7), (7, 13), (13, len(DILATIONS))):
            pairs = checkpoint(self.decode, pairs, first, last, use_reentrant=False)
        return pairs


class PlainDecoder(nn.Module):
    """Decoder of one level of the second and third stage."""

    def __init__(self):
        super().__init__()
        self.lconvtwos = nn.ModuleList(_linear_2d(64, 32, 64, d, not k) for k, d in enumerate(LEVEL_DILATIONS))
        self.convtwos = nn.ModuleList(_nonlinear_2d(64, 32, 64, d) for d in LEVEL_DILATIONS)
        self.final = nn.Sequential(nn.Conv2d(64, 5, 1), nn.BatchNorm2d(5), nn.ReLU(inplace=True), nn.Conv2d(5, 1, 1))
        self.lcombiner = _linear_2d(65, 64, 64, 1, True)
        self.combiner = _nonlinear_2d(64, 64, 64, 1)
        self.lcombinerD = _linear_2d(129, 64, 64, 1, False)
        self.combinerD = _nonlinear_2d(64, 64, 64, 1)
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, encoding: Tensor, log_background: Tensor, coarse: Tensor) -> Tensor:
        """[batch, 128, n], [batch, 1, n, n], [batch, 1, n / 2, n / 2] to [batch, 1, n, n]."""
        pairs = encoding[:, :, :, None] + encoding[:, :, None, :]
        linear = self.lcombinerD(torch.cat([pairs, log_background], dim=1))
        pairs = self.combinerD(linear) + linear
        linear = self.lcombiner(torch.cat([pairs, self.upsample(coarse)], dim=1))
        pairs = self.combiner(linear) + linear
        for lconv, conv in list(zip(self.lconvtwos, self.convtwos, strict=True))[1:]:
            pairs = lconv(pairs) + pairs
            pairs = conv(pairs) + pairs
        contacts = self.final(pairs)
        return 0.5 * (contacts + contacts.transpose(2, 3))


def _linear_with(resample: nn.Module, c: int) -> nn.Sequential:
    return nn.Sequential(resample, *_linear_1d(1, c, c))


def _without_last_norm(c: int) -> nn.Sequential:
    layers = list(_nonlinear_1d(c))
    return nn.Sequential(*layers[:4], layers[5])


class PlainCoarsening(nn.Module):
    """Encoder2 (five steps) and Encoder3 (three steps)."""

    def __init__(self, steps: int, channels: int = 128):
        super().__init__()
        self.lblocks = nn.ModuleList(_linear_1d(2, channels, channels) for _ in range(steps))
        self.blocks = nn.ModuleList(_nonlinear_1d(channels) for _ in range(steps))
        self.downlblocks = nn.ModuleList(_linear_with(nn.Upsample(scale_factor=2), channels) for _ in range(steps))
        self.downblocks = nn.ModuleList(_without_last_norm(channels) for _ in range(steps))

    def forward(self, encoding: Tensor) -> list[Tensor]:
        """[batch, 128, n] to encodings of n, n / 2, n / 4, ... bins."""
        levels = [encoding]
        for lblock, block in zip(self.lblocks, self.blocks, strict=True):
            linear = lblock(levels[-1])
            levels.append(block(linear) + linear)
        refined = [levels[-1]]
        for lblock, block, skip in zip(self.downlblocks, self.downblocks, levels[-2::-1], strict=True):
            linear = lblock(refined[-1])
            refined.append(block(linear) + linear + skip)
        return refined[::-1]


class PlainTopDecoder(PlainDecoder):
    """Decoder of the coarsest level, which has no level above it."""

    def forward(self, encoding: Tensor, log_background: Tensor) -> Tensor:
        """[batch, 128, n], [batch, 1, n, n] to [batch, 1, n, n]."""
        pairs = encoding[:, :, :, None] + encoding[:, :, None, :]
        linear = self.lcombinerD(torch.cat([pairs, log_background], dim=1))
        pairs = self.combinerD(linear) + linear
        for k, (lconv, conv) in enumerate(zip(self.lconvtwos, self.convtwos, strict=True)):
            linear = lconv(pairs)
            pairs = linear + pairs if k else linear
            pairs = conv(pairs) + pairs
        contacts = self.final(pairs)
        return 0.5 * (contacts + contacts.transpose(2, 3))


class PlainStage(nn.Module):
    """What the second stage (five steps) or third stage (three) does after the encoders that it keeps frozen.

    Parameters
    ----------
    steps : int
    finest_term : bool
        Add the map of the first stage's decoder at the finest level, as the second stage does.
    """

    def __init__(self, steps: int, finest_term: bool):
        super().__init__()
        self.encoder = PlainCoarsening(steps)
        self.decoders = nn.ModuleList(PlainDecoder() if k else PlainTopDecoder() for k in range(steps + 1))
        self.first_stage = PlainNet(checkpointed=False) if finest_term else None

    def forward(self, base: Tensor, starts: list[int], log_backgrounds: list[Tensor]) -> list[Tensor]:
        """Maps of all levels, coarse to fine.

        ``base``: [batch, 128, bins of the finest level]; ``starts``: first bin of every level in the window of the
        level above, in bins of that level; ``log_backgrounds``: [1, 1, n, n] of every level.
        """
        found, first = [], 0
        n = len(log_backgrounds[0][0, 0])
        for k, (encoding, decoder) in enumerate(zip(self.encoder(base)[::-1], self.decoders, strict=True)):
            background = log_backgrounds[k].expand(len(base), -1, -1, -1)
            if not k:
                found.append(decoder(encoding, background))
                continue
            start = starts[k]
            first = 2 * (first + start)
            coarse = found[-1].detach()[:, :, start : start + n // 2, start : start + n // 2]
            part = encoding[:, :, first : first + n]
            found.append(decoder(part, background, coarse))
        if self.first_stage is not None:
            with torch.no_grad():
                pairs = part[:, :, :, None] + part[:, :, None, :]
                term = self.first_stage.decode(pairs, 0, len(DILATIONS))
            found[-1] = found[-1] + term
        return found
