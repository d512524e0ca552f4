"""Pictures of convergence, read back from the figure."""

from __future__ import annotations

import numpy as np
import pytest

from operant.mdp import MDP, q_value_iteration, value_iteration
from operant.studio.convergence import convergence


@pytest.fixture
def mdp():
    return MDP.random(3, 2, impossible=0.4, seed=0)


def test_a_line_for_every_possible_pair_beside_what_was_learnt(mdp, tmp_path):
    solution = q_value_iteration(mdp, 0.9)
    learnt = np.cumsum(np.ones((50, 3, 2)), axis=0)
    path = tmp_path / "pictures" / "convergence.png"
    panels = {"Q-value iteration": solution, "Q-learning": (np.arange(50) * 10, learnt)}
    figure = convergence(panels, title="An example", exact=solution.q_values, path=path)
    left, right = figure.axes
    pairs = [(s, a) for s, a in np.argwhere(mdp.possible_actions).tolist()]
    assert 3 < len(pairs) < 6
    lines = {line.get_label(): line for line in left.lines if line.get_label().startswith("Q(")}
    assert set(lines) == {f"Q({s}, {a})" for s, a in pairs}
    for state, action in pairs:
        np.testing.assert_array_equal(
            lines[f"Q({state}, {action})"].get_ydata(), solution.history.values[:, state, action]
        )
    assert len(left.lines) == 2 * len(pairs)  # and the exact values
    assert right.lines[0].get_xdata()[-1] == 490
    assert left.get_ylim() == right.get_ylim()
    assert (left.get_xlabel(), right.get_xlabel(), left.get_ylabel()) == ("iterations", "steps", "Q-value")
    assert [text.get_text() for text in figure.legends[0].texts] == list(lines)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_values_of_many_states_have_lines_without_a_legend():
    solution = value_iteration(MDP.random(13, 2, seed=0), 0.9)
    figure = convergence({"value iteration": solution}, title="Many")
    assert len(figure.axes[0].lines) == 13
    assert not figure.legends
    assert figure.axes[0].get_ylabel() == "value"


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="at least one panel"):
        convergence({}, title="none")
    with pytest.raises(ValueError, match=r"'learnt' has values of shape \(4, 2\) for steps of shape \(3,\)"):
        convergence({"learnt": (np.arange(3), np.zeros((4, 2)))}, title="wrong")
