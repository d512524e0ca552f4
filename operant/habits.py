"""What people type by habit from other libraries, above all Stable-Baselines3, and what says it here.

Each table is of one place where a name may be typed: a name, and the sentence that answers it. They are looked at only
when a name is not known, so what is added to operant under such a name needs no change here.
"""

from __future__ import annotations

import difflib
import dis
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from types import FrameType
from typing import Any

_CONTINUOUS = "SAC, TD3, DDPG, TQC, CrossQ, PPO, A2C, IMPALA, TRPO and REINFORCE learn continuous actions."
_NETWORK = "It is made for the environment; network={'hidden_sizes': (64, 64), 'value_hidden_sizes': (64,)} says how."
_REPLAY = "Replay is made by the algorithm: buffer_size=… says how large."
_VECTOR = "An agent makes as many as it is told: operant.PPO(env, num_envs=8)"
_NORMALIZE = "normalize_observations=True and normalize_rewards=True are hyperparameters, and are saved with the model."
_GYMNASIUM = "Gymnasium has such wrappers; pass the wrapped environment, or see docs/wrappers.md."

MODULE = {
    **dict.fromkeys(
        ("HER", "HerReplayBuffer"),
        "It is a property of replay: operant.DQN(env, hindsight='future', n_sampled_goal=4).",
    ),
    **dict.fromkeys(("PPO2", "PPOLSTM"), "It is operant.PPO."),
    **dict.fromkeys(("ACER", "ACKTR", "GAIL"), f"It is not here; {_CONTINUOUS}"),
    "MaskablePPO": "operant.PPO takes masks, as all others do: info['action_mask'], or a method action_masks().",
    "RecurrentPPO": "operant.PPO(env, network={'memory': 'lstm'}) has a memory; DQN and others too.",
    "HandWritten": "It is operant.ScriptedPolicy.",
    "VecNormalize": _NORMALIZE,
    **dict.fromkeys(("make_vec_env", "DummyVecEnv", "VecEnv"), f"{_VECTOR}."),
    "SubprocVecEnv": f"{_VECTOR[:-1]}, vectorization='async') has a process for each.",
    **dict.fromkeys(
        ("make_atari_env", "AtariWrapper"),
        "operant.PPO('PongNoFrameskip-v4', num_envs=8) has the published preprocessing, of which all is an option: "
        "operant.Atari.",
    ),
    "VecFrameStack": "wrappers='frame-stack:4' is an argument of the agent.",
    **dict.fromkeys(
        ("Monitor", "VecMonitor"),
        "Episodes are counted anyway: agent.history; learn(callback=operant.EpisodeLog('episodes.csv')) lists them.",
    ),
    "VecVideoRecorder": "agent.record('video.mp4') films an agent.",
    **dict.fromkeys(
        ("VecTransposeImage", "VecExtractDictObs"), "The network is made for the observations as they are."
    ),
    "VecCheckNan": "Values that are not finite are found anyway, and training stops.",
    "VecEnvWrapper": _GYMNASIUM,
    "evaluate_policy": "agent.evaluate(episodes=100) scores an agent.",
    **dict.fromkeys(
        ("check_env", "env_checker"),
        "operant.check(env) looks at an environment; so does gymnasium.utils.env_checker.check_env.",
    ),
    "set_random_seed": "An agent's randomness derives from its argument seed=….",
    **dict.fromkeys(
        ("MlpPolicy", "CnnPolicy", "MultiInputPolicy", "MlpLstmPolicy", "ActorCriticPolicy", "BasePolicy"),
        _NETWORK,
    ),
    "BaseFeaturesExtractor": "network=… takes any Equinox module that maps an observation to features.",
    **dict.fromkeys(
        ("ReplayBuffer", "DictReplayBuffer", "RolloutBuffer", "PrioritizedReplayBuffer"), _REPLAY
    ),
    **dict.fromkeys(("BaseCallback", "EventCallback"), "operant.Callback has the hooks to override."),
    **dict.fromkeys(("CallbackList", "ConvertCallback"), "learn(callback=[…]) takes lists and functions."),
    "EvalCallback": "learn(evaluate_every=…, evaluate_env=…) evaluates during training and keeps the best model.",
    "CheckpointCallback": "learn(run_dir=…, checkpoint_every=…) keeps checkpoints, operant.SaveModels all models.",
    "StopTrainingOnRewardThreshold": "It is operant.StopOnReturn.",
    "StopTrainingOnNoModelImprovement": "It is operant.StopOnNoImprovement.",
    "StopTrainingOnMaxEpisodes": "It is operant.StopOnMaxEpisodes.",
    "ProgressBarCallback": "learn(progress_bar=True), the default, shows a bar.",
    "WandbCallback": "learn(loggers=[operant.WandbLog('project')]) logs there.",
    "LogEveryNTimesteps": "learn(log_interval=…) says how many steps lie between two rows.",
    **dict.fromkeys(
        ("get_schedule_fn", "get_linear_fn", "LinearSchedule", "ConstantSchedule", "linear_schedule"),
        "A schedule is text or a value: learning_rate='linear:3e-4:0', or operant.Linear(3e-4, 0.0).",
    ),
    **dict.fromkeys(
        ("NormalActionNoise", "OrnsteinUhlenbeckActionNoise", "ActionNoise"),
        "action_noise='normal' or 'ornstein-uhlenbeck' with action_noise_sigma=0.1 says it, of SAC, TD3 and their kin.",
    ),
    "configure": "learn(run_dir=…, loggers=[…]) says where metrics go.",
    "ActionMasker": "Masks come from info['action_mask'], or from the environment's method action_masks().",
}
"""`operant.NAME`."""

CONSTRUCTOR = {
    **dict.fromkeys(("policy", "policy_kwargs", "net_arch", "hidden_sizes"), _NETWORK),
    "activation_fn": "network={'activation': 'relu'} says it.",
    **dict.fromkeys(
        ("optimizer_class", "optimizer_kwargs"),
        "optimizer='adamw' chooses it, and optimizer_eps, optimizer_betas and weight_decay are its values.",
    ),
    "share_features_extractor": "network={'share_features_extractor': False} says it.",
    **dict.fromkeys(
        ("n_lstm_layers", "lstm_hidden_size", "enable_critic_lstm", "shared_lstm", "lstm_kwargs"),
        "network={'memory': 'lstm', 'memory_size': 64, 'memory_layers': 1, 'critic_memory': 'own'} says it.",
    ),
    **dict.fromkeys(("norm_obs", "norm_reward"), _NORMALIZE),
    "normalize_images": "Images of bytes are divided by 255 in any case.",
    "features_extractor_class": "network=… takes any Equinox module that maps an observation to features.",
    **dict.fromkeys(("n_envs", "n_env", "nenvs"), "Did you mean 'num_envs'?"),
    "vec_env_cls": "vectorization='async' has a process for each environment.",
    "verbose": "learn(progress_bar=False) is quiet.",
    "tensorboard_log": "learn(run_dir=…) writes TensorBoard's events, and more.",
    "device": "JAX chooses it: a GPU where its CUDA build is installed (operant info tells).",
    **dict.fromkeys(
        ("rollout_buffer_class", "rollout_buffer_kwargs"),
        "A rollout is made by the algorithm; n_steps says how long.",
    ),
    **dict.fromkeys(
        ("replay_buffer_class", "replay_buffer_kwargs"),
        "Replay is made by the algorithm: buffer_size=…, priority=True, n_step=… and hindsight='future' say which.",
    ),
    "optimize_memory_usage": "Replay always stores each frame and each successor once.",
    "n_steps": (
        "It has no rollouts: train_freq says how many steps lie between two updates, n_step how far returns look ahead."
    ),
    "n_step": "n_steps says how long a rollout is.",
    "action_noise": "It explores by itself.",
    **dict.fromkeys(("lr", "alpha"), "Did you mean 'learning_rate'?"),
    "epochs": "Did you mean 'n_epochs'?",
    "minibatch_size": "Did you mean 'batch_size'?",
    "render_mode": "agent.watch() shows episodes and agent.record('video.mp4') films them.",
    "total_timesteps": "learn(total_timesteps) takes it.",
    "monitor_wrapper": "Episodes are counted anyway.",
    "create_eval_env": "learn(evaluate_every=…) evaluates during training.",
    "_init_setup_model": "The network is made when it is first needed.",
    "supported_action_spaces": "The algorithm knows them.",
}
"""`operant.PPO(env, NAME=…)`."""

LEARN = {
    "callbacks": "Did you mean 'callback'?",
    "tb_log_name": "run_dir='runs/name' names the run; TensorBoard's events are in it.",
    "eval_env": "evaluate_env=… with evaluate_every=… evaluates on another environment.",
    "eval_freq": "Did you mean 'evaluate_every'?",
    "n_eval_episodes": "Did you mean 'evaluation_episodes'?",
    "eval_log_path": "run_dir=… keeps everything.",
    "use_masking": "Masks are used where the environment gives them; wrappers='ignore-masks' leaves them out.",
    "save_replay_buffer": "checkpoint_replay=False leaves replay out of checkpoints; they hold it otherwise.",
    "timesteps": "Did you mean 'total_timesteps'?",
    "verbose": "progress_bar=False is quiet.",
}
"""`agent.learn(…, NAME=…)`."""

PREDICT = {
    **dict.fromkeys(
        ("state", "episode_start", "mask"),
        "A policy with a memory keeps it in an actor: act = agent.actor(), and act.reset() between episodes.",
    ),
    "obs": "Did you mean 'observation'?",
}
"""`agent.predict(…, NAME=…)`."""

LOAD = {
    "device": CONSTRUCTOR["device"],
    "custom_objects": "load(path, env=…, network=…, wrappers=…) takes objects of yours; no code is read from a file.",
    **dict.fromkeys(("print_system_info", "force_reset", "kwargs"), "It is not needed: leave it out."),
}
"""`operant.load(path, NAME=…)`."""

EVALUATE = {
    "beside_random": "It is called with_random now.",
    **dict.fromkeys(("n_eval_episodes", "n_episodes"), "Did you mean 'episodes'?"),
    "environment": "Did you mean 'env'?",
    "render": "agent.watch() shows episodes and agent.record('video.mp4') films them.",
    "return_episode_rewards": "The score has them: score.returns, score.lengths.",
    "callback": "learn(callback=…) takes one; agent.recording() has every observation of an episode.",
    "reward_threshold": "Compare score.mean.",
    "warn": "It is not needed: leave it out.",
    "use_masking": LEARN["use_masking"],
}
"""`agent.evaluate(NAME=…)`."""

RECORD = {
    "beside_random": EVALUATE["beside_random"],
    "environment": "agent.set_env(env) exchanges the environment.",
    **dict.fromkeys(("n_episodes", "n_eval_episodes"), "Did you mean 'episodes'?"),
    **dict.fromkeys(("video_folder", "filename", "video_path"), "Did you mean 'path'?"),
    "fps": "The environment says it: metadata['render_fps'].",
}
"""`agent.record(path, NAME=…)`."""

AGENT = {
    **dict.fromkeys(
        ("env", "get_env", "envs", "eval_env"),
        "It makes environments as needed: agent.source.given is what it was given, agent.set_env(env) exchanges it.",
    ),
    "get_vec_normalize_env": _NORMALIZE,
    "n_envs": "Did you mean 'num_envs'?",
    "logger": "agent.history has the metrics; learn(run_dir=…, loggers=[…]) says where else they go.",
    "set_logger": "learn(loggers=[…]) takes further places for metrics.",
    **dict.fromkeys(("ep_info_buffer", "ep_success_buffer"), "agent.history has the metrics, row by row."),
    **dict.fromkeys(
        ("replay_buffer", "rollout_buffer"),
        "agent.save_replay_buffer(path) writes it; learn(observers=[…]) shows every transition.",
    ),
    "policy_class": _NETWORK,
    "policy_kwargs": "agent.network says how the network is made.",
    "device": CONSTRUCTOR["device"],
    "verbose": CONSTRUCTOR["verbose"],
    "tensorboard_log": CONSTRUCTOR["tensorboard_log"],
    "set_random_seed": "The seed is an argument of the agent: operant.PPO(env, seed=…).",
    **dict.fromkeys(("train", "collect_rollouts"), "agent.learn(steps) does both."),
    "lr_schedule": "agent.learning_rate is the schedule.",
    "exploration_rate": "agent.history has it: rollout/exploration_rate.",
    "action_noise": "It explores by itself.",
    "n_updates": "agent.history has it: train/n_updates.",
    "fit": "agent.learn(total_timesteps) trains.",
    **dict.fromkeys(("act", "select_action", "compute_single_action"), "agent.predict(observation) acts."),
    "get_action": "agent.predict(observation) acts.",
    "step_count": "Did you mean 'step'?",
    "render": "agent.watch() shows episodes and agent.record('video.mp4') films them.",
}
"""`agent.NAME`."""

POLICY = {
    "predict": "agent.predict(observation) acts.",
    "evaluate_actions": "agent.distribution(observation).log_prob(action) and agent.value(observation) say it.",
    "get_distribution": "agent.distribution(observation) is it.",
    "predict_values": "agent.value(observation) says it.",
    **dict.fromkeys(
        ("q_net", "q_net_target"), "agent.q_values(observation) says it; agent.state has the networks."
    ),
    **dict.fromkeys(
        ("state_dict", "load_state_dict", "parameters", "named_parameters"),
        "agent.get_parameters() and agent.set_parameters(…) have them as named arrays.",
    ),
    **dict.fromkeys(("save", "load"), "agent.save(path) and operant.load(path) do it."),
    **dict.fromkeys(
        ("optimizer", "mlp_extractor", "features_extractor", "action_net"), "agent.state has it."
    ),
    **dict.fromkeys(("eval", "train", "set_training_mode"), "It is not needed: leave it out."),
}
"""`agent.policy.NAME`."""


def answer(table: Mapping[str, str], what: str, name: str, known: Iterable[str] = ()) -> str:
    """One line on a name that is not known: the habit's answer, or what is spelt nearly so."""
    if name in table:
        return f"{what} {name!r}. {table[name]}"
    lower = {one.lower(): one for one in known}
    close = [lower[one] for one in difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.6)]
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    return f"{what} {name!r}.{hint}"


def refuse(
    table: Mapping[str, str], name: str, given: Iterable[str], function: Callable[..., Any] | None = None
) -> None:
    """Raise TypeError on the first argument, if there is one, that the function of this name does not have."""
    for argument in given:
        known = () if function is None else inspect.signature(function).parameters
        raise TypeError(answer(table, f"{name} has no argument", argument, known))


def of_module(name: str, known: Iterable[str]) -> Exception:
    """What to raise for `operant.NAME`, or `from operant import NAME`, where there is none."""
    text = answer(MODULE, "module 'operant' has no attribute", name, known)
    # Of an AttributeError, `from … import …` would keep nothing but the name.
    return ImportError(text) if _imported_from(sys._getframe(2)) else AttributeError(text)


def _imported_from(frame: FrameType) -> bool:
    """Whether the frame is in the middle of `from … import …`."""
    return frame.f_code.co_code[frame.f_lasti] == dis.opmap["IMPORT_FROM"]


def of_policy(name: str) -> str:
    """On `agent.policy.NAME`."""
    return answer(POLICY, "agent.policy has no", name)


def mask(given: Mapping[str, Any], action_mask: Any, predict: Callable[..., Any]) -> Any:
    """The action mask of `predict`'s further arguments: sb3-contrib has it as `action_masks`."""
    refuse(PREDICT, "predict", [name for name in given if name != "action_masks"], predict)
    if action_mask is not None:
        raise TypeError("predict was given action_mask and action_masks, which are the same: leave one out.")
    return given["action_masks"]
