"""Environments of other libraries, recognised by the modules of their classes, none of which is imported."""

from __future__ import annotations

# What each is, and what makes a gymnasium.Env of it.
LIBRARIES = {
    "pettingzoo": "an environment of several agents, of PettingZoo, and operant trains one: give a gymnasium.Env in "
    "which the others act by a policy of yours; supersuit.pettingzoo_env_to_vec_env_v1 lets all share one policy.",
    "gymnax": "of gymnax, but no environment object without a wrapper: give what gymnax.make(…) returns, which trains "
    "on the device, in operant's own wrappers; the environment inside a wrapper is its _env.",
    "brax": "of Brax, but no environment object: give what brax.envs.get_environment(…) returns, which trains on the "
    "device.",
    "jumanji": "an environment of Jumanji: give lambda: jumanji.wrappers.JumanjiToGymWrapper(env).",
    "dm_control": 'an environment of dm_control: pip install "shimmy[dm-control]", and give lambda: '
    "shimmy.DmControlCompatibilityV0(env).",
    "dm_env": 'an environment of dm_env: pip install "shimmy[dm-control]", and give lambda: '
    "shimmy.DmControlCompatibilityV0(env).",
    "stable_baselines3": "a vector environment of Stable-Baselines3: give the function that makes one environment, and "
    "num_envs; normalize_observations=True stands for VecNormalize, wrappers='frame-stack:4' for VecFrameStack.",
    "gym": "an environment of gym, the predecessor of Gymnasium: derive it from gymnasium.Env, whose reset returns "
    '(observation, info) and whose step returns five values; or pip install "shimmy[gym-v26]", and give lambda: '
    "shimmy.GymV26CompatibilityV0(env=env).",
    "gym3": "an environment of gym3: write its reset and step into a gymnasium.Env.",
}


def foreign(thing: object) -> str | None:
    """The message about an object or a class that is an environment of another library."""
    cls = thing if isinstance(thing, type) else type(thing)
    for base in cls.__mro__:
        library = base.__module__.partition(".")[0]
        if library in LIBRARIES:
            return f"{cls.__name__} is {LIBRARIES[library]}"
    if hasattr(cls, "reset") and hasattr(cls, "step"):
        return (
            f"{cls.__name__} has reset and step, but is no gymnasium.Env: derive it from gymnasium.Env, with an "
            "observation_space and an action_space."
        )
    return None
