"""A reward model as a reward: what it pays, where its arrays are, and a run from pairs to a policy that it judged."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
from small_models import filled

import operant
from operant import formats
from operant.agent import Agent, rewards
from operant.algorithms.policy_gradient.ppo import PPO
from operant.cli import main
from operant.engine.device import DeviceLoop
from operant.engine.files import read_shapes
from operant.language import Pretrained, TextEnvironment, Transformer
from operant.language.data.examples import Reader
from operant.language.heads import ScalarHead, ScoredModel
from operant.language.layers import Projection
from operant.language.rewards import parsed
from operant.language.tokenizers import Bytes, Characters
from operant.language.trained_reward import TrainedReward, name_of, scores
from operant.studio import repeat
from operant.types import Transition

LETTERS = Characters("abcd")
SLOT = 3
SIZES = {"width": 8, "layers": 1, "heads": 2, "context": 16}
PROMPTS = ["ab", "c"]
QUIET = ("--no-progress", "--no-video", "--no-pictures", "--episodes", "2")


@cache
def judge(tokenizer: Any = LETTERS) -> TrainedReward:
    model = filled(Transformer(vocab_size=tokenizer.vocab_size, **SIZES), 1)
    head = np.random.default_rng(2).normal(size=(8, 1)).astype(np.float32)
    scored = ScoredModel(model, ScalarHead(Projection(jax.numpy.asarray(head), None)))
    return TrainedReward((scored, Reader(tokenizer, 16)))


def policy() -> Pretrained:
    return Pretrained(filled(Transformer(vocab_size=6, **SIZES), 0), LETTERS)


def length(prompts, responses, rows):
    return [len(response) for response in responses]


def text(reward: Any) -> TextEnvironment:
    return TextEnvironment(PROMPTS, LETTERS, reward, max_new_tokens=SLOT)


def played() -> Transition:
    """Responses "d" and "bca" to `ab`, and "" and "aa" to `c`: two of them end by themselves."""
    a, b, c, d = LETTERS.encode("abcd")
    eos = LETTERS.special.eos
    action = np.array([[d, b, eos, a], [eos, c, b, a], [a, a, a, eos]], np.int32)
    happened = np.array([[1, 1, 1, 1], [1, 1, 0, 1], [0, 1, 0, 1]], bool)
    seen = {"prompt": np.tile(np.array([0, 0, 1, 1], np.int32), (SLOT, 1))}
    nothing = np.zeros(action.shape, np.float32)
    return Transition(seen, action, nothing, nothing > 0, nothing > 0, None, valid=happened)


RESPONSES = ["d", "bca", "", "aa"]


@jax.jit
def pay(environment, experience):
    return environment.judge(experience)


@pytest.mark.parametrize("tokenizer", [LETTERS, Bytes()], ids=["its own", "another"])
def test_a_trained_reward_pays_the_score_of_each_text_alone_with_its_weight(tokenizer):
    """By the model on one text without padding; at the response's last token, next to a function."""
    model = judge(tokenizer)
    environment = text({"judge": (2.0, model), "length": (0.5, length)})
    paid, told = pay(environment, jax.tree.map(jax.numpy.asarray, played()))
    expected = []
    for prompt, response in zip(["ab", "ab", "c", "c"], RESPONSES, strict=True):
        tokens = [*tokenizer.encode(prompt + response), tokenizer.special.eos]
        expected.append(float(model.weights.tree.score(np.array([tokens], np.int32))[0]))
    assert np.ptp(expected) > 0.1
    totals = np.array(expected) * 2 + 0.5 * np.array([len(r) for r in RESPONSES])
    np.testing.assert_allclose(np.sum(paid, axis=0), totals, atol=1e-4)
    assert (np.count_nonzero(paid, axis=0) <= 1).all()
    assert told["rollout/reward/judge"] == pytest.approx(np.mean(expected), abs=1e-4)
    assert told["rollout/reward/length"] == pytest.approx(np.mean([len(r) for r in RESPONSES]))
    np.testing.assert_allclose(model(["ab", "ab", "c", "c"], RESPONSES), expected, atol=1e-4)


def test_scores_of_more_texts_than_are_read_at_once_are_those_of_each():
    model = judge()
    tokens, start = model.tokens(["ab"] * 40, ["a" * (i % 4) for i in range(40)], 8)
    found = jax.jit(scores)(model.weights, tokens, start)
    np.testing.assert_allclose(found, np.tile(found[:4], 10), atol=1e-5)
    assert len(np.unique(np.round(found[:4], 4))) == 4


def test_a_reward_model_is_an_argument_of_the_program_and_no_constant_of_it():
    """Neither built in nor part of the run; the same program takes other weights."""
    loop = DeviceLoop(PPO(network=policy(), n_steps=SLOT, batch_size=4), text(judge()), 4, None)
    run = loop.init(jax.random.key(0))
    assert not any(np.shape(leaf) == (8, 1) for leaf in jax.tree.leaves(run.state.network.model))
    frozen = [np.asarray(x) for x in jax.tree.leaves(loop._frozen)]
    assert sum(x.size for x in frozen) == sum(x.size for x in jax.tree.leaves(judge().weights))
    given = jax.tree.leaves(loop._built_in)
    assert all(np.shape(x) != np.shape(judge().weights.tree.model.embedding) for x in given)


def test_named_finds_the_runs_among_rewards_and_to_json_names_them():
    asked = []

    def read(path):
        asked.append(path)
        return judge()._model

    given = {"reward": {"runs/x/judge": 0.5, "exact": 1.0, "second": [2.0, "runs/y"]}, "digits": 1}
    made: Any = rewards.named("Arithmetic", given, read, {"judge": "of another"})
    assert list(made["reward"]) == ["judge", "exact", "second"]
    assert [made["reward"][name][0] for name in ("judge", "second")] == [0.5, 2.0]
    assert made["reward"]["exact"] == 1.0
    assert not asked  # until they are needed
    written, noted = rewards.to_json(made)
    assert written["reward"] == {"judge": [0.5, "runs/x/judge"], "exact": 1.0, "second": [2.0, "runs/y"]}
    assert noted == {"judge": "of another", "second": judge().weights.sha256}
    with pytest.raises(ValueError, match="runs/x/judge: it is not the one that training began with"):
        made["reward"]["judge"][1].weights  # noqa: B018
    assert rewards.named("CartPole-v1", {"reward": "runs/x"}, read) == {"reward": "runs/x"}
    with pytest.raises(ValueError, match="'judge' is there twice"):
        rewards.named("Sorting", {"reward": {"a/judge": 1.0, "b/judge": 1.0}}, read)
    assert name_of("runs/a/model.safetensors") == "model"


def test_parsed_rewards_are_names_with_their_weights():
    assert parsed(["exact", "runs/judge:0.5", "c:/judge"]) == {
        "exact": 1.0,
        "runs/judge": 0.5,
        "c:/judge": 1.0,
    }
    with pytest.raises(ValueError, match="'exact' is given twice"):
        parsed(["exact", "exact:2"])


def test_a_reward_model_that_cannot_read_the_texts_says_so():
    with pytest.raises(ValueError, match="reward model reward_model: 'e' in"):
        TextEnvironment(["ab"], Characters("abcde"), judge(), max_new_tokens=2)
    with pytest.raises(ValueError, match="PPO scores no text"):
        Agent(PPO(network=policy(), n_steps=SLOT, batch_size=4), text(length), num_envs=4).reward_model  # noqa: B018


# from pairs to a policy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of pairs, in which more of the letter a is better, prompts, a model, and a run of RewardModel, `judge`."""
    folder = tmp_path_factory.mktemp("rewards")
    random = np.random.default_rng(0)
    drawn = ["".join(random.choice(list("abcd"), SLOT)) for _ in range(256)]
    two = [
        sorted(pair, key=lambda text: -text.count("a")) for pair in zip(drawn[::2], drawn[1::2], strict=True)
    ]
    pairs = [{"prompt": "c", "chosen": x, "rejected": y} for x, y in two if x.count("a") != y.count("a")]
    for name, rows in (("pairs", pairs), ("prompts", [{"prompt": p} for p in PROMPTS])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    policy().save(folder / "start")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        learn = ("--learning-rate", "0.02", "--batch-size", "32", "--total-timesteps", "60")
        words = ["train", "reward", "--data", "pairs.jsonl", "--model", "start", *learn, "--run-dir", "judge"]
        assert main([*words, *QUIET]) == 0
    return folder


TEXT = ("Text", "--model", "start", "--env-kwargs", "prompts=prompts.jsonl", f"max_new_tokens={SLOT}")


def test_grpo_learns_from_a_run_of_a_reward_model_and_goes_on_with_the_same_one(folder, monkeypatch, capsys):
    """From pairs to responses with more of what was chosen, each part of the reward logged; resumed to the last bit."""
    monkeypatch.chdir(folder)
    sizes = ("--n-episodes", "16", "--group-size", "8", "--max-steps", str(SLOT), "--learning-rate", "0.02")
    begin = ["train", "grpo", *TEXT, *sizes, "--num-envs", "16", "--reward", "judge", *QUIET]
    assert main([*begin, "--total-timesteps", "960", "--run-dir", "whole"]) == 0
    assert main([*begin, "--total-timesteps", "480", "--run-dir", "grpo"]) == 0
    config = formats.read_run("grpo")
    assert config["env_kwargs"]["reward"] == "judge"
    assert config["reward_models"] == {"judge": operant.reward_model("judge").sha256}
    assert main(["resume", "grpo", "--total-timesteps", "960", *QUIET]) == 0
    whole, resumed = operant.load("whole"), operant.load("grpo")
    jax.tree.map(np.testing.assert_array_equal, resumed.state, whole.state)
    rows = whole.history
    assert rows[-1]["rollout/reward/judge"] > rows[0]["rollout/reward/judge"] + 0.5
    said = [r.text for r in whole.generate(PROMPTS * 20, max_new_tokens=SLOT)]
    assert np.mean([text.count("a") for text in said]) > 1.5
    head = [8, 1]  # the shape of what only the reward model has
    assert any(each["shape"] == head for each in read_shapes("judge/model.safetensors").values())
    for path in (folder / "grpo").rglob("*.safetensors"):
        assert not any(each["shape"] == head for each in read_shapes(path).values())
    words = repeat.arguments(config)
    assert words is not None
    assert "reward=judge" in words
    sample = json.loads((folder / "whole" / "samples.jsonl").read_text().splitlines()[-1])["samples"][0]
    assert set(sample["rewards"]) == {"judge"}
    # Another reward model in its place
    (folder / "judge").rename(folder / "first")
    capsys.readouterr()
    assert main(["resume", "grpo", "--total-timesteps", "1440", *QUIET]) == 2
    assert "reward model judge: there is no such run" in capsys.readouterr().err
    assert operant.load("grpo").generate(["ab"], max_new_tokens=1)  # needs no reward
    learn = ("--learning-rate", "0.02", "--total-timesteps", "2")
    main(
        ["train", "reward", "--data", "pairs.jsonl", "--model", "start", *learn, "--run-dir", "judge", *QUIET]
    )
    assert main(["resume", "grpo", "--total-timesteps", "1440", *QUIET]) == 2
    assert "it is not the one that training began with" in capsys.readouterr().err
    (folder / "judge").rename(folder / "other")
    (folder / "first").rename(folder / "judge")


def test_ppo_learns_from_a_weighted_sum_with_a_reward_model(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    sizes = ("--n-steps", str(SLOT), "--batch-size", "24", "--num-envs", "8", "--total-timesteps", "48")
    assert main(["train", "ppo", *TEXT, *sizes, "--reward", "judge:2", "contains:0.5", *QUIET]) == 2
    assert 'has no text as "answer"' in capsys.readouterr().err
    rows = [{"prompt": prompt, "answer": "a"} for prompt in PROMPTS]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["train", "ppo", *TEXT, *sizes, "--reward", "judge:2", "contains:0.5", "--run-dir", "ppo", *QUIET]
    assert main(words) == 0
    row = operant.load("ppo").history[-1]
    parts = 2 * row["rollout/reward/judge"] + 0.5 * row["rollout/reward/contains"]
    assert row["rollout/ep_rew_mean"] == pytest.approx(parts, abs=1.0)
    assert main(["evaluate", "ppo", "--episodes", "4"]) == 0
    assert main(["train", "ppo", "CartPole-v1", "--reward", "judge", *QUIET]) == 2
    assert "--reward judge: CartPole-v1 has rewards of its own" in capsys.readouterr().err
    assert main(["train", "ppo", *TEXT, *sizes, "--reward", "nothing/here", *QUIET]) == 2
    assert "reward model nothing/here: there is no such run or file" in capsys.readouterr().err
    assert main(["train", "ppo", *TEXT, *sizes, "--reward", "start", *QUIET]) == 2
    capsys.readouterr()
