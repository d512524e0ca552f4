"""A frozen tree: used by an algorithm, learnt by nobody, and stored once."""

from __future__ import annotations

import json
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.agent import Agent
from operant.agent.frozen_files import FILE
from operant.algorithms.base import Algorithm
from operant.distributions import Categorical
from operant.engine.device import DeviceLoop
from operant.engine.files import read_shapes
from operant.engine.host import HostLoop
from operant.engine.train import train
from operant.envs.host import NativeOnHost
from operant.envs.probes import ObservationReward
from operant.fields import FileError
from operant.frozen import Frozen
from operant.networks.layers import Linear
from operant.plans import Rollout

LARGE = 50_000  # numbers: more than all else that is stored
PROBABILITIES = np.array([0.7, 0.2, 0.1])


def reference(seed: int = 0, probabilities=PROBABILITIES) -> Frozen:
    large = jax.random.normal(jax.random.key(seed), (LARGE,))
    return Frozen(
        {"logits": jnp.log(jnp.asarray(probabilities, jnp.float32)), "rest": [large, (np.arange(3),)]}
    )


class Leashed(Algorithm):
    """A policy of one distribution that is pulled to a reference: the gradient of its KL divergence from it."""

    reference: Frozen
    learning_rate: float = 3.0

    @property
    def experience(self):
        return Rollout(2)

    def check(self, spec):
        pass

    def init(self, spec, key):
        return jax.random.normal(key, (3,))

    def sample_noise(self, spec, key):
        return jax.random.gumbel(key, (spec.num_envs, 3))

    def act(self, state, observation, action_mask, carry, noise, clock, *, explore):
        policy = Categorical(jnp.broadcast_to(state, (*observation.shape[:1], 3)))
        return policy.sample(noise) if explore else policy.mode(), carry, ()

    def loss(self, logits):
        return Categorical(logits).kl(Categorical(self.reference.value["logits"]))

    def update(self, state, batch, key, clock):
        kl, gradient = jax.value_and_grad(self.loss)(state)
        return state - self.learning_rate * gradient, {"train/kl": kl}


ENVIRONMENT = ObservationReward()
LOOPS = {
    "device": lambda algorithm, seeds=None: DeviceLoop(algorithm, ENVIRONMENT, 2, seeds),
    "host": lambda algorithm, seeds=None: HostLoop(
        algorithm, NativeOnHost(ENVIRONMENT, 2 * (seeds or 1)), seeds
    ),
}


@pytest.mark.parametrize("seeds", [None, 2])
@pytest.mark.parametrize("where", LOOPS)
def test_a_policy_is_pulled_to_its_reference(where, seeds):
    algorithm = Leashed(reference())
    loop = LOOPS[where](algorithm, seeds)
    keys = jax.random.key(0) if seeds is None else jax.random.split(jax.random.key(0), seeds)
    run = train(loop, loop.init(keys), 200, 10, lambda run, metrics: True)
    np.testing.assert_allclose(
        jax.nn.softmax(run.state), np.broadcast_to(PROBABILITIES, run.state.shape), atol=1e-3
    )
    assert not any(leaf.is_deleted() for leaf in algorithm.reference.arrays.values())
    # Neither in what is trained nor copied for the loop: the very arrays are handed over, of several devices each has
    # its own from the beginning.
    assert sum(leaf.size for leaf in jax.tree.leaves(run)) < LARGE
    large, devices = (
        loop.algorithm.reference.tree["rest"][0],
        {leaf.sharding for leaf in jax.tree.leaves(run)},
    )
    if max(len(sharding.device_set) for sharding in devices) == 1:
        assert large is algorithm.reference.tree["rest"][0]
    with jax.transfer_guard_device_to_device("disallow"):
        run, _, _ = loop.step(run, 10, 10)

    other = PROBABILITIES[::-1]
    loop.exchange(replace(algorithm, reference=reference(probabilities=other)))
    for _ in range(5):
        run, _, _ = loop.step(run, 10, 10)
    np.testing.assert_allclose(jax.nn.softmax(run.state), np.broadcast_to(other, run.state.shape), atol=1e-3)


def test_no_gradient_passes_it():
    def loss(algorithm, logits):
        return algorithm.loss(logits)

    gradient = eqx.filter_grad(loss)(Leashed(Frozen({"logits": jnp.zeros(3)})), jnp.arange(3.0))
    np.testing.assert_array_equal(gradient.reference.tree["logits"], 0)


def reference_of(agent: Agent) -> Frozen:
    assert isinstance(agent.algorithm, Leashed)
    return agent.algorithm.reference


def agent(**arguments) -> Agent:
    return Agent(Leashed(reference()), "CartPole-v1", num_envs=2, **arguments)


def same(one: Frozen, other: Frozen) -> bool:
    equal = jax.tree.map(lambda a, b: a.dtype == b.dtype and np.array_equal(a, b), one.tree, other.tree)
    return jax.tree.structure(one.tree) == jax.tree.structure(other.tree) and jax.tree.all(equal)


@pytest.mark.parametrize("seeds", [None, 2])
def test_a_model_holds_it_once(tmp_path, seeds):
    path = tmp_path / "model.safetensors"
    agent(seeds=seeds).save(path)
    large = [name for name, each in read_shapes(path).items() if each["shape"] == [LARGE]]
    assert large == ["frozen/reference/['rest'][0]"]
    assert path.stat().st_size < 1.5 * 4 * LARGE
    loaded = Agent.load(path, algorithm=Leashed)
    assert same(reference_of(loaded), reference())
    assert np.array_equal(loaded.state, agent(seeds=seeds).state)


def test_a_run_holds_it_once_for_all_checkpoints(tmp_path):
    def learn(directory, callback=None):
        return agent().learn(
            400,
            callback,
            progress_bar=False,
            run_dir=directory,
            checkpoint_every=100,
            log_interval=100,
            evaluate_every=200,
            evaluation_episodes=2,
            keep_checkpoints=3,
        )

    whole = learn(tmp_path / "whole")
    learn(tmp_path / "run", lambda progress: progress.step < 200)
    files = list((tmp_path / "run").rglob("*.safetensors"))
    assert len(files) > 3
    holding = {str(path.relative_to(tmp_path / "run")) for path in files if path.stat().st_size > 4 * LARGE}
    assert holding <= {FILE, "model.safetensors"}
    assert FILE in holding
    resumed = Agent.resume(tmp_path / "run", progress_bar=False, algorithm=Leashed)
    assert same(reference_of(resumed), reference())
    np.testing.assert_array_equal(resumed.state, whole.state)
    assert same(reference_of(Agent.load(tmp_path / "run", best=True, algorithm=Leashed)), reference())


def test_a_frozen_module_is_given_again_and_filled_from_the_file(tmp_path):
    def module(seed: int, size: int = 3) -> Frozen:
        return Frozen({"logits": jnp.zeros(3), "net": Linear(jnp.full((size, 2), float(seed)), jnp.zeros(2))})

    path = tmp_path / "model.safetensors"
    Agent(Leashed(module(1)), "CartPole-v1", num_envs=2).save(path)
    with pytest.raises(
        ValueError, match="reference was a Frozen of modules of yours: pass one of the same structure"
    ):
        Agent.load(path, algorithm=Leashed)
    assert same(reference_of(Agent.load(path, algorithm=Leashed, reference=module(2))), module(1))
    with pytest.raises(ValueError, match=r"something else than what was stored: .*weight"):
        Agent.load(path, algorithm=Leashed, reference=module(2, size=4))

    run = {"run_dir": tmp_path / "run", "progress_bar": False, "log_interval": 50, "checkpoint_every": 50}
    Agent(Leashed(module(1)), "CartPole-v1", num_envs=2).learn(
        100, lambda progress: progress.step < 50, **run
    )
    mine = {"algorithm": Leashed, "frozen": {"reference": module(2)}, "progress_bar": False}
    resumed = Agent.resume(tmp_path / "run", **mine)
    assert resumed.step == 100
    assert same(reference_of(resumed), module(1))


def test_what_a_file_says_of_it_is_checked(tmp_path):
    whole = agent().learn(100, progress_bar=False, run_dir=tmp_path / "run", checkpoint_every=100)
    assert whole.step == 100
    config = tmp_path / "run" / "config.json"
    text = config.read_text()
    written = json.loads(text)["hyperparameters"]["reference"]
    for before, after, message in (
        (written["frozen"], "0" * 64, "do not have their SHA-256"),
        ('"list"', '"module"', "is no structure of the stored arrays|which is no structure"),
        ('"logits"', '"loggits"', "no structure of the stored arrays"),
    ):
        config.write_text(text.replace(before, after))
        with pytest.raises(FileError, match=message):
            Agent.restore(tmp_path / "run", algorithm=Leashed)
    config.write_text(text)
    (tmp_path / "run" / FILE).unlink()
    with pytest.raises(FileError, match=f"its arrays are missing: they are in {FILE} of the run"):
        Agent.restore(tmp_path / "run", algorithm=Leashed)


def test_frozen_trees_that_share_an_array_are_told_apart():
    shared = jnp.ones(3)
    trees = [Frozen({"a": shared, "b": jnp.full(2, value)}) for value in (0.0, 1.0)]
    assert trees[0].to_json()["frozen"] != trees[1].to_json()["frozen"]
    assert trees[0].to_json() == Frozen({"a": jnp.ones(3), "b": jnp.zeros(2)}).to_json()


def test_filled_frozen_tree_has_the_arrays_that_were_stored():
    tree = Frozen({"a": jnp.ones(3)})
    sha256 = tree.to_json()["frozen"]
    assert same(Frozen({"a": jnp.zeros(3)}).filled({"['a']": np.ones(3, np.float32)}, sha256), tree)
    with pytest.raises(FileError, match="do not have their SHA-256"):
        tree.filled({"['a']": np.zeros(3, np.float32)}, sha256)


def test_only_arrays_are_frozen():
    with pytest.raises(TypeError, match=r"Frozen holds arrays; \['f'\] is function"):
        Frozen({"f": lambda x: x})
