"""From points in space to the picture that a camera takes of them."""

import torch
from torch import nn


class Decoder(nn.Module):
    """A linear layer to a picture of an eighth of the size, and three stages that
    double it (Rhodin et al., ECCV 2018: bilinear, 3x3 + BatchNorm + ReLU, 3x3 + ReLU).

    inputs: numbers that describe what is drawn. channels: of the result. size: its
    pixels. width: channels at the start; the paper's 128. look: numbers that say how it
    looks, the same everywhere. behind: channels of a picture of what stands behind it.
    """

    def __init__(self, inputs, channels, size, width=128, look=0, behind=0):
        super().__init__()
        self.side = size // 8
        self.start = nn.Linear(inputs, width * self.side**2)
        stages, before = [], width + look
        for after in (width, width // 2, width // 4):
            stages.append(
                nn.Sequential(
                    nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
                    nn.Conv2d(before, after, 3, padding=1, bias=False),
                    nn.BatchNorm2d(after),
                    nn.ReLU(),
                    nn.Conv2d(after, after, 3, padding=1),
                    nn.ReLU(),
                )
            )
            before = after
        self.stages = nn.Sequential(*stages)
        # enough for what it is to give, 32 as there at the paper's width
        last = min(32, max(width // 2, 2 * channels))
        self.end = nn.Sequential(
            nn.Conv2d(before + behind, last, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(last, last, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(last, channels, 1),
        )

    def forward(self, what, look=None, behind=None):
        """what `(n, inputs)`, look `(n, look)`, behind `(n, behind, size, size)` ->
        `(n, channels, size, size)`.
        """
        x = self.start(what).relu().unflatten(1, (-1, self.side, self.side))
        if look is not None:
            tiled = look[..., None, None].expand(-1, -1, self.side, self.side)
            x = torch.cat([x, tiled], 1)
        x = self.stages(x)
        return self.end(x if behind is None else torch.cat([x, behind], 1))
