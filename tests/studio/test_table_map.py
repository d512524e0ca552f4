"""Pictures of tables: every arrow, colour and number in the cell that it belongs to."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from matplotlib.quiver import Quiver

from operant.envs.gridworld import GridWorld
from operant.envs.toy_text import taxi_layout
from operant.studio import style
from operant.studio.table_map import FILL, table_map
from operant.studio.tables import layout
from tests.studio.test_tables import EXAMPLE, GRID


def arrows(axes):
    """`{(row, column): {(down, right), …}}` of all arrows."""
    found: dict = {}
    for quiver in (artist for artist in axes.collections if isinstance(artist, Quiver)):
        for (x, y), u, v in zip(quiver.get_offsets(), quiver.U, quiver.V, strict=True):
            # Every arrow lies in its own cell, from its tail to its head.
            cell = round(float(y + v / 2 + 0.09)), round(float(x + u / 2))
            assert abs(x - cell[1]) < 0.5 > abs(x + u - cell[1])
            assert abs(y - cell[0]) < 0.5 > abs(y + v - cell[0])
            found.setdefault(cell, set()).add((int(np.sign(v)), int(np.sign(u))))
    return found


def texts(axes):
    """`{(row, column): [text, …]}`, by the cell that each is written in."""
    found: dict = {}
    for text in axes.texts:
        x, y = text.get_position()
        found.setdefault((round(y), round(x)), []).append(text.get_text())
    return found


def fills(axes):
    """`{(row, column): colour}` of the cells in which nobody acts."""
    patches = [patch for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_width() == 1]
    return {(round(p.get_y() + 0.5), round(p.get_x() + 0.5)): p.get_facecolor() for p in patches}


def test_arrows_point_where_the_best_actions_lead(tmp_path):
    path = tmp_path / "new" / "table.png"
    figure = table_map(EXAMPLE, GRID, title="Q-learning on GridWorld", path=path)
    axes = figure.axes[0]
    up, right, down = (-1, 0), (0, 1), (1, 0)
    assert arrows(axes) == {
        (0, 0): {right, down},
        (0, 1): {right},
        (0, 2): {down},
        (1, 0): {down},
        (1, 2): {down},
        (2, 0): {right},
        (2, 1): {right},
    }
    assert up not in set().union(*arrows(axes).values())
    assert axes.get_ylim() == (2.5, -0.5)  # rows go downwards
    assert figure.get_suptitle() == "Q-learning on GridWorld"
    assert path.read_bytes().startswith(b"\x89PNG")


def test_cells_have_the_colour_and_the_number_of_their_best_value():
    axes = table_map(EXAMPLE, GRID, show=["values"]).axes[0]
    image = axes.images[0].get_array()
    assert image[0, 0] == pytest.approx(94.0598)
    assert image[2, 1] == pytest.approx(100)
    assert image.mask.tolist() == [[False] * 3, [False, True, False], [False, False, True]]
    assert axes.images[0].get_clim() == pytest.approx((94.0598, 100))
    assert texts(axes)[2, 0] == ["98.0"]
    assert texts(axes)[0, 0] == ["94.1", "S"]


def test_obstacles_goals_and_holes_look_like_themselves():
    world = layout(GridWorld(["S#H", "..G"]))
    for part in ("values", "q_values", "visits"):
        axes = table_map(np.eye(6)[:, :4], world, visits=np.ones(6), show=[part]).axes[0]
        expected = {(0, 1): FILL["#"], (0, 2): FILL["H"], (1, 2): FILL["G"]}
        assert fills(axes) == {cell: to_rgba(colour) for cell, colour in expected.items()}
        assert texts(axes)[0, 2] == ["H"]
        assert texts(axes)[1, 2] == ["G"]
        assert (0, 1) not in texts(axes)
        assert not {(0, 1), (0, 2), (1, 2)} & set(arrows(axes))


def test_every_move_has_its_triangle():
    figure = table_map(EXAMPLE, GRID, show=["q_values"])
    axes = figure.axes[0]
    (triangles,) = (artist for artist in axes.collections if isinstance(artist, PolyCollection))
    found = {}
    for path, value in zip(triangles.get_paths(), triangles.get_array(), strict=True):
        x, y = path.vertices[:3].mean(axis=0)
        row, column = round(float(y)), round(float(x))
        side = (
            round(3 * float(y - row)),
            round(3 * float(x - column)),
        )  # the middle of a triangle is 1/3 off
        found[row, column, side] = value
    assert len(found) == 7 * 4
    for action, side in enumerate([(-1, 0), (0, 1), (1, 0), (0, -1)]):
        assert found[0, 1, side] == EXAMPLE[1, action]
        assert found[2, 0, side] == EXAMPLE[6, action]
    bold = {
        (t.get_text(), *np.round(t.get_position(), 2)) for t in axes.texts if t.get_fontweight() == "bold"
    }
    assert ("96.0", 1.3, 0.0) in bold  # right of (0, 1)
    assert not any(text == "92.1" for text, *_ in bold)


def test_terrible_moves_do_not_wash_out_the_others():
    q_values = np.arange(36.0).reshape(9, 4)
    q_values[0, 0] = -1e6
    figure = table_map(q_values, GRID, show=["q_values"])
    bar = figure.axes[-1]
    assert bar.get_ylim()[0] > -1
    assert figure.axes[0].collections[0].get_cmap().colorbar_extend == "min"


def test_impossible_moves_are_grey_and_have_no_number():
    q_values = EXAMPLE.copy()
    q_values[0, [0, 3]] = -np.inf
    axes = table_map(q_values, GRID, show=["q_values"]).axes[0]
    (triangles,) = (artist for artist in axes.collections if isinstance(artist, PolyCollection))
    assert triangles.get_array().mask.sum() == 2
    assert triangles.get_cmap().get_bad()[:3] == pytest.approx(to_rgba(style.FAINT)[:3])
    assert [t for t in texts(axes)[0, 0] if t != "S"] == ["94.1", "94.1"]


def test_visits_are_counted_by_state():
    visits = np.arange(36).reshape(9, 4) * 1000
    figure = table_map(EXAMPLE, GRID, visits=visits)
    assert [axes.get_title("left") for axes in figure.axes[:3]] == [
        "Best actions and their value",
        "Value of every move",
        "Visits",
    ]
    axes = figure.axes[2]
    assert axes.images[0].get_array()[0, 2] == visits[2].sum() == 38_000
    assert texts(axes)[0, 2] == ["38k"]
    assert table_map(EXAMPLE, GRID, visits=visits.sum(axis=1)).axes[2].images[0].get_array()[0, 2] == 38_000


def test_the_taxis_town_has_walls_letters_and_a_grid_for_each_place():
    q_values = np.zeros((500, 6))

    def taken(row, column):  # in the taxi, to B
        return ((row * 5 + column) * 5 + 4) * 4 + 3

    q_values[taken(4, 3), 5] = 20.0
    q_values[taken(4, 4), 3] = 19.0
    figure = table_map(q_values, taxi_layout("B"))
    titles = [axes.get_title("left") for axes in figure.axes[:4]]
    assert titles == [f"passenger {place}, to B" for place in ("at R", "at G", "at Y", "in the taxi")]
    axes = figure.axes[3]
    assert texts(axes)[4, 3] == ["20.0", "D", "B"]
    assert arrows(axes) == {(4, 4): {(0, -1)}}
    assert not arrows(figure.axes[0])
    assert texts(figure.axes[0])[0, 0] == ["0.00", "·", "R"]
    walls = {
        (float(x), float(low), float(high))
        for lines in axes.collections
        if isinstance(lines, LineCollection) and lines.get_linewidth()[0] == 4
        for (x, low), (_, high) in lines.get_segments()
    }
    expected = [(0, 1), (1, 1), (3, 0), (3, 2), (4, 0), (4, 2)]
    assert walls == {(column + 0.5, row - 0.5, row + 0.5) for row, column in expected}
    assert figure.get_supxlabel() == "P: pick up, D: drop off"


def test_numbers_too_small_to_read_are_left_out():
    world = layout(GridWorld(["S" + "." * 59]))
    assert not table_map(np.zeros((60, 4)), world, show=["q_values"]).axes[0].texts
    values = table_map(np.zeros((60, 4)), world, show=["values"]).axes[0]
    assert {text.get_text() for text in values.texts} == {"·"}


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="'visits' cannot be drawn without visits"):
        table_map(EXAMPLE, GRID, show=["visits"])
    with pytest.raises(ValueError, match="'policy' cannot be drawn; there are values, q_values, visits"):
        table_map(EXAMPLE, GRID, show=["policy"])
    with pytest.raises(ValueError, match="at least 9 states"):
        table_map(EXAMPLE[:4], GRID)
