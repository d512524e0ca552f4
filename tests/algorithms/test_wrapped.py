"""An algorithm around another: every question that is not its own reaches the one inside, with that one's state."""

from __future__ import annotations

import inspect
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import pytest

from operant.algorithms.base import Algorithm
from operant.algorithms.kl_penalty import KLRegularized
from operant.algorithms.varied import Varied
from operant.algorithms.wrapped import WrappedAlgorithm, behaved
from operant.curiosity.curious import Curious
from operant.types import Batch, Transition

OWN = {"init", "update"}
ASKED = {name for name in vars(Algorithm) if not name.startswith("_")} - {"innermost", "worker_gradients"}
OF_STATE = {
    name
    for name in ASKED - OWN
    if callable(getattr(Algorithm, name))
    and "state" in inspect.signature(getattr(Algorithm, name)).parameters
}


def test_wrapped_algorithm_answers_everything_an_algorithm_can_be_asked():
    """Whoever adds a method to the protocol must say what is asked of the algorithm inside."""
    asked = {name for name in vars(Algorithm) if not name.startswith("_")}
    assert asked - OWN <= set(vars(WrappedAlgorithm))
    for wrapper in (Curious, KLRegularized, Varied):
        assert issubclass(wrapper, WrappedAlgorithm)
        assert set(vars(wrapper)) >= OWN


def answering(name: str) -> Any:
    """What `Spy` answers to one question: its name, and the state that it was asked with."""

    def answer(self: Any, *args: Any, **keywords: Any) -> tuple[str, Any]:
        named = inspect.signature(getattr(Algorithm, name)).bind(self, *args, **keywords).arguments
        return name, named.get("state")

    return answer


Spy = type(
    "Spy",
    (Algorithm,),
    {
        name: answering(name)
        if inspect.isfunction(vars(Algorithm)[name])
        else property(lambda self, name=name: (name, None))
        for name in ASKED
    },
)


class State(eqx.Module):
    learner: Any


class Around(WrappedAlgorithm):
    algorithm: Any

    def init(self, spec, key):
        return State("what was learnt")

    def update(self, state, batch, key, clock):
        return state, {}


@pytest.mark.parametrize(
    "name", sorted(ASKED - OWN - {"for_workers", "fitted_to", "check", "update_statistics"})
)
def test_wrapped_algorithm_passes_each_question_on(name: str):
    around = Around(Spy())
    if not inspect.isfunction(vars(Algorithm)[name]):
        assert getattr(around, name) == (name, None)
        return
    parameters = list(inspect.signature(getattr(Algorithm, name)).parameters.values())[1:]
    keywords = {
        each.name: State("what was learnt") if each.name == "state" else each.name for each in parameters
    }
    assert getattr(around, name)(**keywords) == (name, "what was learnt" if name in OF_STATE else None)


def test_wrapped_algorithm_keeps_what_is_made_of_the_one_inside():
    around = Around(Spy())
    assert around.for_workers().algorithm == ("for_workers", None)
    assert around.fitted_to("data").algorithm == ("fitted_to", None)
    seen: Any = around.update_statistics(State("before"), "a transition")  # pyright: ignore[reportArgumentType]
    assert seen.learner == ("update_statistics", "before")
    assert around.innermost is around.algorithm
    assert around.worker_gradients is None


def test_wrapped_algorithm_is_checked_by_the_one_inside():
    class Refusing(Spy):  # pyright: ignore[reportGeneralTypeIssues]
        def check(self, spec):
            raise ValueError("not on this")

    with pytest.raises(ValueError, match="not on this"):
        Around(Refusing()).check("anything")  # pyright: ignore[reportArgumentType]


def test_behaved_is_the_state_of_the_one_inside():
    step = Transition(*[jnp.zeros(1)] * 6)
    assert behaved(Batch(step, jnp.ones(1), behavior=State("older"))).behavior == "older"
    assert behaved(Batch(step, jnp.ones(1))).behavior is None
