"""The published networks for images, by name."""

from __future__ import annotations

from typing import Literal, NamedTuple

Filters = tuple[int, int, int]  # how many, kernel size, and stride
Published = Literal["dqn_2013", "nature", "impala", "small"]
Norm = Literal["none", "channels", "image"]


class ImageLayers(NamedTuple):
    """The layers of a network for images, and the units of the one after them."""

    convolutions: tuple[Filters, ...]
    residual: bool
    features: int


PUBLISHED: dict[str, ImageLayers] = {
    # Mnih et al. 2013, arXiv:1312.5602, section 4.1
    "dqn_2013": ImageLayers(((16, 8, 4), (32, 4, 2)), False, 256),
    # Mnih et al. 2015, doi:10.1038/nature14236, "Model architecture"
    "nature": ImageLayers(((32, 8, 4), (64, 4, 2), (64, 3, 1)), False, 512),
    # Espeholt et al. 2018, arXiv:1802.01561, figure 3 (right), without its memory
    "impala": ImageLayers(((16, 3, 2), (32, 3, 2), (32, 3, 2)), True, 256),
    # For processors of few cores
    "small": ImageLayers(((16, 8, 4), (32, 4, 2)), False, 128),
}
