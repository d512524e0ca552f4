"""Pictures of where learners have been."""

import numpy as np
import pytest

from operant.envs.gridworld import GridWorld
from operant.studio.tables import layout
from operant.studio.visit_map import visit_map

GRID = layout(GridWorld(["S#.", "..G"]))


def test_every_cell_has_its_count_in_the_same_colours(tmp_path):
    one, other = np.array([9, 0, 0, 4, 2, 0]), np.array([90, 0, 7, 4, 2, 1])
    figure = visit_map({"one": one, "other": other}, GRID, title="Visits", path=tmp_path / "new" / "v.png")
    first, second, *_ = figure.axes
    for axes, name, counts in ((first, "one", one), (second, "other", other)):
        assert axes.get_title("left") == name
        image = axes.images[0].get_array()
        assert image[0, 0] == counts[0]
        assert image[1, :2].tolist() == counts[3:5].tolist()
        assert image.mask.tolist() == [[False, True, False], [False, False, True]]
        assert axes.images[0].get_clim() == (0, 90)
    assert figure.get_suptitle() == "Visits"
    assert (tmp_path / "new" / "v.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("visits", "message"), [({}, "nothing"), ({"a": np.ones((6, 4))}, r"\(6, 4\)")])
def test_what_cannot_be_drawn(visits, message):
    with pytest.raises(ValueError, match=message):
        visit_map(visits, GRID)
