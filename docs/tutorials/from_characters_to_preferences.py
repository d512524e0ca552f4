# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From a character model to preferences
#
# How does a model that continues text become one that says what people like? In three steps (Ouyang et al. 2022): it
# learns from examples (*supervised fine-tuning*); people say which of two responses is better, from which a *reward
# model* is learnt, or the model itself (*DPO*); and it learns from that reward as any policy does (*PPO*, *GRPO*),
# held near what it was. Here all of it happens with a model that knows a hundred first names, letter by letter, so
# that every number can be looked at, and every formula stands next to its line.
#
# You should know what a policy gradient is ([Policies and REINFORCE](policies_and_reinforce.ipynb)) and what PPO's
# ratio and clip are ([PPO from its equations](ppo_from_its_equations.ipynb)). What operant does with real models is
# in [Language models](../language.md). This is a plain script that also runs as it stands, in some minutes.

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import operant
from operant.language import TextEnvironment, Transformer
from operant.ops.groups import group_advantages
from operant.ops.kl import kl_estimate
from operant.types import Batch

EPOCHS = int(os.environ.get("EPOCHS", "60"))
STEPS = int(os.environ.get("STEPS", "60000"))
PAIRS = int(os.environ.get("PAIRS", "600"))

# %% [markdown]
# ## 1. Text as a chain of letters
#
# A *language model* says how likely each next letter is after the letters so far, π(c | so far). The probability of a
# text is the product of these, and the logarithm makes a sum of it:
#
#     log π(text) = Σ_t log π(c_t | c_1 … c_{t−1})
#
# A letter is a *token* here; large models have tokens for pieces of words. One more token, *eos*, ends a text, and a
# model must learn when to say it. The simplest model looks at the last letter alone and counts. Its loss is the mean
# of −log π over all letters of the data, in *nats*: with 27 equally likely tokens it would be log 27 = 3.3.

# %%
NAMES = """
adam ada agnes alan albert alice alma amelia amos andrea anna anton arthur astrid aurora bella ben
bernard bertha bianca boris bruno camilla carl carla cecil clara cosima dan dana daniel david diana dora
edgar edith elena elias ella emil emma erik ernst esther eva felix fiona flora frank frida gabriel georg
greta gustav hanna hans harald hector heidi helen henrik hilda hugo ida igor ines ingrid iris isaac ivan
jacob jana jasper joan jonas julia karin karl katja kurt lara lea leo lena linus lisa lorenz lotte lucas
luisa magda malte mara maria mark martha martin max mia mila moritz nadia nina nora oleg olga oscar otto
paul paula peter philip pia quentin ralf regina rita robert rosa ruth sara selma simon sofia stefan susan
theo thomas tina tobias ulla ursula vera victor viola walter wanda werner xenia yara yvonne zita zora
""".split()  # noqa: SIM905
LETTERS, EOS = "abcdefghijklmnopqrstuvwxyz", "."
counts = {letter: dict.fromkeys(LETTERS + EOS, 0.1) for letter in LETTERS}  # a little for what never happened
for name in NAMES:
    for letter, following in zip(name, name[1:] + EOS, strict=True):
        counts[letter][following] += 1
table = {letter: {c: n / sum(row.values()) for c, n in row.items()} for letter, row in counts.items()}
surprise = [
    -np.log(table[letter][following])  # −log π(c_t | c_{t−1})
    for name in NAMES
    for letter, following in zip(name, name[1:] + EOS, strict=True)
]
print(f"{len(NAMES)} names; the loss of counting pairs is {np.mean(surprise):.3f} nats a letter")
print(
    "after q comes:", max(table["q"], key=table["q"].get), "   after n:", max(table["n"], key=table["n"].get)
)

# %% [markdown]
# ## 2. Supervised fine-tuning
#
# A transformer looks at all letters so far. It is trained on the same loss, by gradient descent. The first letter is
# the *prompt* x, what is to be continued, and the rest with its eos is the *response* y. The loss is over the letters
# of the responses, given all before them:
#
#     L(θ) = −Σ log π(y_t | x, y_1 … y_{t−1}) / (number of letters)

# %%
rows = [{"prompt": name[0], "response": name[1:]} for name in NAMES]
sft = operant.SFT(
    dataset=rows,
    network=Transformer(width=32, layers=2, heads=2, context=12),
    tokenizer="characters",
    learning_rate=3e-3,
    batch_size=32,
)
sft.learn(epochs=EPOCHS, progress_bar=False)
print(
    f"loss at the beginning {sft.history[0]['train/loss']:.3f}, at the end {sft.history[-1]['train/loss']:.3f}"
)

# %% [markdown]
# That is one formula, so we compute it ourselves, on the same rows. `tokens` are padded on the left, `start` is where
# each text begins, and `learnt` says which letters are of the response.


# %%
def letter_log_probs(model, tokens, start):
    """log π(c_t | before) `[N, T]` of rows of tokens `[N, T]`; 0 for the first column, which has nothing before it."""
    log_probs = jax.nn.log_softmax(
        model(tokens, start), axis=-1
    )  # [N, T, letters]: of the letter *after* each
    found = jnp.take_along_axis(log_probs[:, :-1], tokens[:, 1:, None], axis=-1)[..., 0]
    return jnp.pad(found, ((0, 0), (1, 0)))


def batch_of(agent, rows):
    """Rows of text as an algorithm learns from them."""
    steps = agent.algorithm.read_dataset(rows).steps
    return Batch(jax.tree.map(jnp.asarray, steps), jnp.ones(len(rows)))


model = sft.language_model.model
batch = batch_of(sft, rows)
seen = batch.transition.observation
log_probs = letter_log_probs(model, seen["tokens"], seen["start"])
ours = -jnp.sum(log_probs * seen["learnt"]) / jnp.sum(seen["learnt"])  # L(θ)
theirs, _ = sft.algorithm.loss(sft.algorithm.network_of(sft.state), batch)
print(f"ours {ours:.5f}, operant's {theirs:.5f}")
assert np.allclose(ours, theirs, rtol=1e-4)

PROMPTS = [letter for letter in LETTERS if any(name[0] == letter for name in NAMES)]


def written(agent, seed=0):
    """Names that a model writes by chance, as likely as it finds them: twenty for each first letter."""
    prompts = PROMPTS * 20
    responses = agent.generate(prompts, max_new_tokens=8, temperature=1.0, seed=seed)
    return [prompt + response.text for prompt, response in zip(prompts, responses, strict=True)]


print(*written(sft)[: len(PROMPTS)])

# %% [markdown]
# ## 3. A judge, and pairs
#
# Somebody reads two responses to the same prompt and says which is better: that is all that we ask of people, since
# to say *how* good something is is much harder. Our judge is a rule that stands for a person, and that the learner
# does not see: it likes the letter a. Each a after the first letter counts 1. (With real people: `operant label`, see
# [Language models](../language.md).)


# %%
def liked(response):
    return float(response.count("a"))


def judged(count, seed):
    """Pairs of responses that the model wrote, of which the judge likes one better."""
    pairs = []
    while len(pairs) < count:
        for a, b in zip(written(sft, seed), written(sft, seed + 1), strict=True):
            if liked(a[1:]) != liked(b[1:]):
                better, worse = (a, b) if liked(a[1:]) > liked(b[1:]) else (b, a)
                pairs.append({"prompt": a[0], "chosen": better[1:], "rejected": worse[1:]})
        seed += 2
    return pairs[:count]


pairs, others = judged(PAIRS, seed=100), judged(100, seed=10_000)
print(*(f"{pair['prompt']}: {pair['chosen']} before {pair['rejected']}" for pair in pairs[:5]), sep="\n")

# %% [markdown]
# ## 4. A reward model
#
# Bradley and Terry (1952): give every response a number r, so that y_w wins against y_l with probability σ(r(y_w) −
# r(y_l)), where σ(z) = 1 / (1 + e⁻ᶻ). Make what was said as likely as possible:
#
#     L(θ) = −mean( log σ( r(x, y_w) − r(x, y_l) ) )
#
# r is the transformer with one number in place of the letters at its end. If all r are equal, L = −log ½ = ln 2 =
# 0.693.

# %%
start = sft.language_model
reward_model = operant.RewardModel(dataset=pairs, network=start, learning_rate=1e-3, batch_size=32)
reward_model.learn(epochs=max(EPOCHS // 10, 1), progress_bar=False)

r_w = reward_model.score([pair["prompt"] for pair in others], [pair["chosen"] for pair in others])
r_l = reward_model.score([pair["prompt"] for pair in others], [pair["rejected"] for pair in others])
ours = -jnp.mean(jax.nn.log_sigmoid(r_w - r_l))  # −mean log σ( r_w − r_l )
theirs, _ = reward_model.algorithm.loss(
    reward_model.algorithm.network_of(reward_model.state), batch_of(reward_model, others)
)
print(
    f"on pairs that it never saw: loss {ours:.4f} (operant's {theirs:.4f}), right in {np.mean(r_w > r_l):.0%}"
)
assert np.allclose(ours, theirs, rtol=1e-3, atol=1e-4)

likes = np.array([liked(pair[which]) for which in ("chosen", "rejected") for pair in others])
rewards = np.concatenate([r_w, r_l])
for number in np.unique(likes):
    print(f"responses with {number:.0f} a: mean reward {rewards[likes == number].mean():+.2f}")

# %% [markdown]
# ## 5. What is the best policy for a reward?
#
# The one that writes "aaaaaaaa", if reward is all that counts. But then it has forgotten what a name is. So what is
# to be maximised is the reward minus β times the distance from the *reference* π_ref, the model from which one began.
# The distance is the Kullback–Leibler divergence:
#
#     maximise  E[ r(y) ] − β KL(π ‖ π_ref),     KL(π ‖ π_ref) = E_π[ log π(y) − log π_ref(y) ]
#
# This has an exact solution: each response of the reference becomes likelier or less likely by its reward,
#
#     π*(y) = π_ref(y) e^{r(y)/β} / Z
#
# A small β lets the reward decide, a large one the reference. We can even say what π* does, from responses of the
# reference alone, by counting each of them e^{r/β} times:
#
#     E*[ f ] = E_ref[ f e^{r/β} ] / E_ref[ e^{r/β} ]
#
# Here f is the number of a, and r what the reward model says. Where few texts have nearly all the weight, the
# estimate is worth little: 1 / Σ w², for weights w that add up to 1, says how many texts it rests on.

# %%
BETAS = (0.5, 2.0)
texts = [text for seed in range(500, 504) for text in written(sft, seed)]
likes = np.array([liked(text[1:]) for text in texts])
rewards = reward_model.score([text[0] for text in texts], [text[1:] for text in texts])
print(f"the reference writes {likes.mean():.2f} a in a name; rewards have a deviation of {rewards.std():.2f}")
for beta in BETAS:
    weight = np.exp((rewards - rewards.max()) / beta)  # e^{r/β}, up to a factor
    weight = weight / weight.sum()
    print(
        f"β = {beta}: the best policy writes {weight @ likes:.2f}, by {1 / np.sum(weight**2):.0f} of {len(texts)} texts"
    )

# %% [markdown]
# ## 6. DPO: the policy is the reward model
#
# Turn the solution round: r(y) = β log( π*(y) / π_ref(y) ) + β log Z. So every policy is the best one for some
# reward, namely this one. Put it into the loss of Bradley and Terry; Z is the same for both responses and cancels
# out. What is left is a loss of the policy itself, without any reward model or reinforcement learning (Rafailov et
# al. 2023):
#
#     h(y) = log π(y|x) − log π_ref(y|x)
#     L(θ) = −mean( log σ( β h(y_w) − β h(y_l) ) )
#
# At the beginning π = π_ref, h = 0, and L = ln 2.

# %%
DPO_BETA = 0.5
dpo = operant.DPO(dataset=pairs, network=start, beta=DPO_BETA, learning_rate=3e-4, batch_size=32)


def response_log_prob(model, seen):
    """log π(y|x) `[B, 2]` of pairs: the sum over the letters of the response."""
    tokens, first = seen["tokens"].reshape(-1, seen["tokens"].shape[-1]), seen["start"].reshape(-1)
    return jnp.sum(
        letter_log_probs(model, tokens, first).reshape(seen["tokens"].shape) * seen["learnt"], axis=-1
    )


def dpo_loss(model, reference, seen, beta):
    h = response_log_prob(model, seen) - response_log_prob(reference, seen)  # log π − log π_ref
    return -jnp.mean(jax.nn.log_sigmoid(beta * h[:, 0] - beta * h[:, 1]))  # −mean log σ( β h_w − β h_l )


batch = batch_of(dpo, others)
seen = batch.transition.observation
print(f"before learning: {dpo_loss(model, model, seen, DPO_BETA):.6f}, ln 2 = {np.log(2):.6f}")
dpo.learn(epochs=max(EPOCHS // 10, 1), progress_bar=False)
ours = dpo_loss(dpo.language_model.model, model, seen, DPO_BETA)
theirs, _ = dpo.algorithm.loss(dpo.algorithm.network_of(dpo.state), batch)
print(f"after it, on pairs that it never saw: ours {ours:.5f}, operant's {theirs:.5f}")
assert np.allclose(ours, theirs, rtol=1e-3, atol=1e-4)

print(*written(dpo)[: len(PROMPTS)])
print(f"a in a name: {np.mean([liked(text[1:]) for text in written(dpo, seed=7)]):.2f}")

# %% [markdown]
# ## 7. Reinforcement learning: GRPO with a KL penalty
#
# Text is an environment like any other: the state is the text so far, an action is a letter, an episode a response,
# and the reward comes at the end. GRPO (Shao et al. 2024) is PPO without a value network. Of each prompt it plays a
# *group* of G responses, and an advantage is how much better a response was than its group:
#
#     Â_i = ( R_i − mean(R_1 … R_G) ) / deviation(R_1 … R_G)
#     L(θ) = −mean( min( ρ Â, clip(ρ, 1 − ε, 1 + ε) Â ) ),      ρ = π(c|…) / π_old(c|…)
#
# We leave the division out, which keeps the unit of the reward. The distance from the reference is paid letter by
# letter, so that the objective is the one of section 5:
#
#     reward of a letter = (r(y) at the last one) − β ( log π(c|…) − log π_ref(c|…) )

# %%
rewards_of_group = jnp.array([2.0, 0.0, 1.0, 1.0])
ours = rewards_of_group - rewards_of_group.mean()  # R_i − mean(R)
theirs, _ = group_advantages(rewards_of_group, 4, scale="none")
print("advantages of a group with the rewards 2 0 1 1:", ours)
assert np.allclose(ours, theirs)
log_new, log_reference = jnp.log(jnp.array([0.5, 0.1])), jnp.log(jnp.array([0.25, 0.2]))
assert np.allclose(kl_estimate(log_new, log_reference, "k1"), log_new - log_reference)


def learned(prompts, responses, rows):
    """The reward that it learns from: what the reward model says, which has never seen the judge's rule."""
    return reward_model.score(prompts, responses)


environment = TextEnvironment(PROMPTS, start.tokenizer, learned, max_new_tokens=9, missing_eos_penalty=1.0)
tuned = {}
for beta in (0.0, *BETAS):
    agent = operant.GRPO(
        environment,
        network=start,
        num_envs=64,
        n_episodes=128,
        group_size=8,
        max_steps=9,
        n_epochs=2,
        scale="none",
        learning_rate=1e-3,
        kl_penalty=beta,
    )
    agent.learn(STEPS, progress_bar=False)
    tuned[beta] = agent
    texts = written(agent, seed=7)
    kl = np.mean([row["rollout/kl_to_reference"] for row in agent.history[-3:]])
    likes = np.mean([liked(text[1:]) for text in texts])
    print(f"\nβ = {beta}: {likes:.2f} a in a name, {kl:.2f} nats from the reference")
    print(*texts[: len(PROMPTS)])

# %% [markdown]
# Without a penalty the model writes whatever the *reward model* likes: it pleases its judge, and has forgotten names.
# That is called *reward hacking*. With β it stays a model of names, which likes the letter a. Compare the number of a
# with what section 5 says of the best policy for the same β: that is how far learning has come. Reward against
# distance is the picture to look at:

# %%
figure, axes = plt.subplots(figsize=(7, 3.2))
for beta, agent in tuned.items():
    distance = [row["rollout/kl_to_reference"] for row in agent.history]
    reward = [row["rollout/reward/learned"] for row in agent.history]
    axes.plot(distance, reward, marker=".", linewidth=1, label=f"β = {beta}")
axes.set(
    xlabel="KL from the reference, nats a name",
    ylabel="reward (by the reward model)",
    title="What a nat buys",
)
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## Exercises
#
# 1. Learn from the judge itself: a reward of `[liked(response) for response in responses]`. *Expect* β = 0 to end at
#    nothing but a. What does the penalty for a missing eos do to it?
# 2. Draw the pairs from the DPO model, judge these, and train DPO again (*online* DPO). *Expect* more a, further from
#    the reference.
# 3. Give DPO `label_smoothing=0.1`, and turn one in ten pairs round. *Expect* it to be less sure, and less wrong,
#    than without.
# 4. Take 30 pairs instead of 600 for the reward model. *Expect* the reward to go up in training as before, and the
#    number of a not to.
# 5. Use `operant.KTO(dataset=pairs, …)`, which needs no pairs but only whether each response is good.
# 6. PPO takes the same environment, model and penalty: `operant.PPO(environment, network=start, num_envs=64,
#    n_steps=18, batch_size=576, gamma=1.0, kl_penalty=0.5, learning_rate=…)`. Its value function is one more output
#    of the same transformer, whose loss therefore moves the letters, too. *Expect* a learning rate of 1e-3 to spoil
#    the model, and look for one that does not.
