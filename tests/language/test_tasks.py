"""Tasks with a rule that verifies, the rules themselves, and samples in a run's directory."""

from __future__ import annotations

import json

import numpy as np
import pytest
from small_models import filled

import operant
from operant.cli.asked import read
from operant.envs.registry import NATIVE
from operant.language import LoRA, Pretrained, Transformer, rewards, tasks
from operant.language.tokenizers import Bytes, Characters
from operant.studio.samples import page, pieces


def test_problems_have_right_answers_and_a_tenth_is_held_out():
    rows = tasks.arithmetic(digits=1, operations="+-*", part="all").texts.rows
    assert len(rows) == 300
    for row in rows:
        assert str(eval(row["prompt"].removesuffix("="))) == row["answer"]
    train, test = (
        {row["prompt"] for row in tasks.arithmetic(digits=1, operations="+-*", part=part).texts.rows}
        for part in ("train", "test")
    )
    assert (len(train), len(test), len(train & test)) == (270, 30, 0)
    for row in tasks.sorting(longest=4, n_prompts=50).texts.rows:
        letters = row["prompt"].removesuffix(":")
        assert 3 <= len(letters) <= 4
        assert row["answer"] == "".join(sorted(letters))


def test_an_environment_of_text_is_made_once_for_all_its_copies():
    assert NATIVE["Arithmetic"](digits=1) is NATIVE["Arithmetic"](digits=1)
    assert NATIVE["Arithmetic"](digits=1) is not NATIVE["Arithmetic"](digits=1, part="test")
    assert NATIVE["Sorting"](tokenizer=Bytes()).tokenizer.vocab_size == 259


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tasks.arithmetic(operations="+/"), r"operations='\+/': must be some of"),
        (lambda: tasks.arithmetic(digits=4), "digits=4: must be from 1 to 3"),
        (lambda: tasks.sorting(shortest=5, longest=4), "shortest=5, longest=4"),
        (lambda: tasks.sorting(part="both"), "part='both': must be train, test or all"),
        (lambda: tasks.text(), "Text needs prompts"),
    ],
)
def test_values_of_tasks_that_cannot_be_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


ROWS = [{"prompt": "", "answer": answer} for answer in ("12", "-3.5", "1,200")]


@pytest.mark.parametrize(
    ("rule", "responses", "expected"),
    [
        ("exact", [" 12 ", "3.5", "1200"], [1, 0, 0]),
        ("contains", ["it is 12.", "-3.51", "1200"], [1, 1, 0]),
        ("number", ["6 and 6 are 12.", "−3.50", "so 1200 then"], [1, 1, 1]),
        ("number", ["12 or 13", "no number", "1,20"], [0, 0, 0]),
    ],
)
def test_a_rule_says_what_is_right(rule, responses, expected):
    assert list(rewards.RULES[rule]([""] * 3, responses, ROWS)) == expected


def test_rewards_are_named_weighted_and_registered(monkeypatch):
    monkeypatch.setattr(rewards, "RULES", dict(rewards.RULES))

    def short(prompts, responses, rows):
        return [-len(text) for text in responses]

    rewards.register("short", short)
    assert rewards.named("short") == {"short": (1.0, short)}
    assert rewards.named({"exact": 2, "mine": (0.5, short)}) == {
        "exact": (2, rewards.exact),
        "mine": (0.5, short),
    }
    with pytest.raises(ValueError, match="operant's own"):
        rewards.register("exact", short)
    with pytest.raises(ValueError, match="reward 'exat' is unknown; there are exact"):
        rewards.named("exat")
    with pytest.raises(ValueError, match='has no text as "answer"'):
        rewards.exact([""], ["a"], [{"prompt": ""}])


# samples


def test_tokens_that_are_a_letter_together_are_one_piece():
    tokenizer = Bytes()
    tokens = [*tokenizer.encode("aé"), tokenizer.special.eos]
    assert pieces(tokenizer, tokens, [1.0, 0.5, 0.25, -1.0]) == [("a", 1.0), ("é", 0.75), ("", -1.0)]


def test_the_page_of_samples_escapes_what_a_model_made_and_holds_no_script():
    sample = {
        "prompt": "<b>&",
        "text": ["<script>", "alert(1)", ""],
        "kl": [4.0, -0.3, 0.0],
        "rewards": {"<i>": 0.5},
        "ended": False,
    }
    text = page("a <title>", [{"step": 1000, "samples": [sample]}])
    assert "<script" not in text.lower()
    assert "&lt;script&gt;" in text
    assert "<h2>&lt;b&gt;&amp;</h2>" in text
    assert "rgba(230, 120, 0, 0.80)" in text  # as strong as it gets
    assert 'rgba(0, 114, 178, 0.08)" title="-0.30 nats"' in text
    assert "http" not in text
    assert ">3.7<" in text  # the KL divergence of the whole response
    assert "1,000" in text


def ones(prompts, responses, rows):
    return [text.count("1") for text in responses]


def test_a_run_keeps_what_its_model_says_in_the_course_of_training(tmp_path):
    tokenizer = Characters("0123456789+-= ")
    config = Transformer(vocab_size=tokenizer.vocab_size, width=16, layers=1, heads=2, context=8)
    agent = operant.GRPO(
        "Arithmetic",
        env_kwargs={"digits": 1, "reward": ones},
        preset=None,
        network=Pretrained(filled(config), tokenizer),
        n_episodes=16,
        group_size=4,
        max_steps=3,
        num_envs=16,
        learning_rate=0.01,
    )
    agent.learn(400, progress_bar=False, run_dir=tmp_path, log_interval=40)
    moments = [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text().splitlines()]
    steps = [moment["step"] for moment in moments]
    assert steps[0] == 0
    assert steps[-1] == agent.step
    assert len(steps) == len(set(steps)) > 5
    first, last = (moment["samples"] for moment in (moments[0], moments[-1]))
    assert [each["prompt"] for each in first] == [each["prompt"] for each in last]
    assert max(abs(kl) for each in first for kl in each["kl"]) < 1e-4  # it begins as the reference
    assert max(abs(kl) for each in last for kl in each["kl"]) > 0.01
    prompts = [each["prompt"] for each in last]
    again = agent.generate(prompts, max_new_tokens=3)
    assert ["".join(each["text"]) for each in last] == [response.text for response in again]
    # The distance of each token from the reference, by the model that was handed in, without padding.
    for each, response in zip(last, again, strict=True):
        text = np.array([*tokenizer.encode(each["prompt"]), *response.tokens], np.int32)
        logits = np.asarray(filled(config)(text[None]))[0].astype(np.float64)
        table = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        begin = len(text) - len(response.tokens)
        reference = [table[i - 1, text[i]] for i in range(begin, len(text))]
        np.testing.assert_allclose(each["kl"], response.log_probs - reference, atol=1e-3)
    assert (tmp_path / "samples.html").read_text().count("<h2>") == len(prompts)


# the command line


def test_flags_name_a_model_adapters_and_a_penalty():
    asked = read("grpo", ["Arithmetic", "--model", "runs/x", "--lora", "8", "--kl-penalty", "0.1:6"])
    assert (asked.training.model, asked.training.lora, asked.training.kl_penalty) == ("runs/x", "8", "0.1:6")
    for arguments, message in (
        (["--lora", "8"], "--lora 8: adapts a model that there is"),
        (
            ["--model", "x", "--network.hidden-sizes", "8"],
            "is the whole network: leave out --network.hidden-sizes",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            read("grpo", ["Arithmetic", "--preset", "none", *arguments])
    with pytest.raises(ValueError, match="q-learning has no network"):
        read("q-learning", ["FrozenLake-v1", "--model", "x"])


def test_a_run_with_a_language_model_is_repeated_by_the_same_flags():
    from operant.studio import repeat

    network = Pretrained(
        filled(Transformer(vocab_size=17, width=16, layers=1, heads=2, context=16)), path="runs/x"
    )
    agent = operant.GRPO(
        "Arithmetic",
        preset=None,
        network=network.adapted(LoRA(rank=4)),
        num_envs=64,
        max_steps=4,
        kl_penalty="0.1:6",
    )
    words = repeat.arguments(agent.config())
    assert words is not None
    text = " ".join(words)
    assert "--model runs/x --lora 4:16:query,value" in text
    assert "--kl-penalty 0.1:6.0:0.1" in text
    assert "network=operant.pretrained('runs/x', '4:16:query,value')" in repeat.python(agent.config())
    unnamed = operant.GRPO(
        "Arithmetic", preset=None, network=Pretrained(network.weights), num_envs=64, max_steps=4
    )
    assert repeat.missing(unnamed.config()) == ["network"]
