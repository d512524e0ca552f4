"""The map beneath a search: which cell has which colour, and where the search's way is."""

from __future__ import annotations

import numpy as np
import pytest

from operant.studio.search_map import search_map

RETURNS = np.array([[0.0, 1.0, 2.0], [10.0, -np.inf, 30.0]])  # [X, Y]


def test_returns_stand_at_the_values_they_belong_to(tmp_path):
    way = np.array([[0.0, 5.0], [1.0, 7.0]])
    figure = search_map(
        RETURNS, [(0.0, 1.0), (5.0, 7.0)], ["p", "r"], title="A search", way=way, path=tmp_path / "map.png"
    )
    axes = figure.axes[0]
    mesh = axes.collections[0]
    corners = mesh.get_coordinates()  # [rows + 1, columns + 1, (x, y)]
    np.testing.assert_allclose(corners[0, :, 0], [-0.5, 0.5, 1.5])  # middles at 0 and 1
    np.testing.assert_allclose(corners[:, 0, 1], [4.5, 5.5, 6.5, 7.5])
    shown = np.ma.asarray(mesh.get_array()).reshape(3, 2)
    np.testing.assert_array_equal(shown.filled(np.nan), [[0, 10], [1, np.nan], [2, 30]])
    np.testing.assert_array_equal(np.transpose(axes.lines[0].get_data()), way)
    star = axes.collections[-1]
    np.testing.assert_array_equal(star.get_offsets(), way[-1:])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("p", "r")
    assert (tmp_path / "map.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("returns", "way", "message"),
    [
        (np.zeros(3), None, r"at least 2 × 2; they are \(3,\)"),
        (np.zeros((1, 3)), None, r"at least 2 × 2; they are \(1, 3\)"),
        (RETURNS, np.zeros((4, 3)), r"is \[K, 2\], a point for each generation; it is \(4, 3\)"),
    ],
)
def test_what_does_not_fit_is_refused(returns, way, message):
    with pytest.raises(ValueError, match=message):
        search_map(returns, [(0, 1), (0, 1)], ["p", "r"], title="", way=way)
