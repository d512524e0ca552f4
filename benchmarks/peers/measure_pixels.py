"""The same networks in PyTorch, in a process of its own, like `benchmarks.measure_pixels`."""

from __future__ import annotations

import json
import sys

import numpy as np
import torch
from torch import nn

from benchmarks.common import sit

PLAIN = {
    "dqn_2013": (((16, 8, 4), (32, 4, 2)), 256),
    "nature": (((32, 8, 4), (64, 4, 2), (64, 3, 1)), 512),
}
STAGES = (16, 32, 32)
OUTPUTS = 6
RATE = 1e-9


class Residual(nn.Module):
    """IMPALA's residual block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one, self.other = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.other(torch.relu(self.one(torch.relu(x))))


def layers(name: str, channels: int) -> tuple[list[nn.Module], int]:
    """`(convolutions, units of the layer after them)`."""
    made: list[nn.Module] = []
    if name == "impala":
        for filters in STAGES:
            made += [nn.Conv2d(channels, filters, 3, padding=1), nn.MaxPool2d(3, 2, 1)]
            made += [Residual(filters), Residual(filters)]
            channels = filters
        return [*made, nn.ReLU()], 256
    convolutions, units = PLAIN[name]
    for filters, kernel, stride in convolutions:
        made += [nn.Conv2d(channels, filters, kernel, stride), nn.ReLU()]
        channels = filters
    return made, units


def main() -> None:
    case = json.loads(sys.argv[1])
    torch.set_num_threads(case["threads"])
    channels, *_ = shape = tuple(case["shape"])
    convolutions, units = layers(case["network"], channels)
    with torch.no_grad():
        size = nn.Sequential(*convolutions, nn.Flatten())(torch.zeros(1, *shape)).shape[1]
    network = nn.Sequential(
        *convolutions, nn.Flatten(), nn.Linear(size, units), nn.ReLU(), nn.Linear(units, OUTPUTS)
    )
    optimizer = torch.optim.SGD(network.parameters(), RATE)
    batch, count = case["batch"], case["images"] // case["batch"]
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (batch, *shape), np.uint8))

    def learn() -> int:
        for _ in range(count):
            if case["what"] == "act":
                with torch.no_grad():
                    network(images.float() / 255)
                continue
            optimizer.zero_grad()
            network(images.float() / 255).square().mean().backward()
            optimizer.step()
        return count * batch

    sit(learn, str(case["threads"]))


if __name__ == "__main__":
    main()
