"""What plays in `operant evaluate`, `watch` and `record`: a model, the random policy, or a scripted one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from operant import catalogue
from operant.cli import env_kwargs, runs
from operant.cli.environments import require_known
from operant.cli.errors import WrongInput
from operant.cli.modules import load
from operant.cli.training import require_timeout

if TYPE_CHECKING:
    from operant.agent import Agent
    from operant.agent.scripted import ScriptedPolicy


@dataclass(frozen=True)
class PolicyRequest:
    """The policy that a command line names, and where it plays."""

    model: str
    environment: str | None = None
    best: bool = False
    stochastic: bool = False
    checkpoint: int | None = None
    env_kwargs: Sequence[str] = ()
    modules: Sequence[str] = ()
    env_timeout: float | None = None

    def require(self) -> None:
        """Raise WrongInput or ValueError for what is wrong, as far as that is known without JAX."""
        env_kwargs.read(self.env_kwargs)
        require_timeout(self.env_timeout)
        if self.model == "random" or self.model in catalogue.policies():
            self._require_plain()
        else:
            runs.require_model(self.model)
            if self.checkpoint is not None:
                if self.best or not Path(self.model).is_dir():
                    raise WrongInput("--checkpoint needs a run directory, and goes without --best.")
                runs.require_checkpoint(self.model, self.checkpoint)
        if self.environment is None:
            self._load_modules()
        else:
            require_known(self.environment, self.modules)

    def player(self) -> tuple[Agent | ScriptedPolicy, dict[str, Any]]:
        """`(player, arguments of its methods)`."""
        self.require()
        given = env_kwargs.read(self.env_kwargs)
        if self.model in catalogue.policies():
            from operant.agent.scripted import ScriptedPolicy

            return ScriptedPolicy.named(self.model, self.environment, given, self.env_timeout), {}
        if self.model == "random":
            from operant.construct import make

            random = make("random", self.environment, env_kwargs=given, env_timeout=self.env_timeout)
            return random, {"deterministic": False}
        from operant.agent import Agent

        how: dict[str, Any] = {"env": self.environment, "env_kwargs": given or None}
        if self.env_timeout is not None:  # else that of the run
            how["env_timeout"] = self.env_timeout
        if self.checkpoint is None:
            agent = Agent.load(self.model, best=self.best, **how)
        else:
            agent = Agent.restore(self.model, step=self.checkpoint, **how)
        return agent if agent.seeds is None else agent.best(), {"deterministic": not self.stochastic}

    def _load_modules(self) -> None:
        """Import the typed modules, but none that only a file names."""
        if self.model == "random" or self.model in catalogue.policies():
            load(self.modules)
        else:
            config = (runs.require if Path(self.model).is_dir() else runs.model_config)(self.model)
            if config.get("dataset") and not config["environment_given_as_id"]:
                raise WrongInput(
                    f"{self.model} was learnt from a dataset, and no environment was named: name the one to play in, "
                    "after the model."
                )
            runs.require_module(config, self.modules)

    def _require_plain(self) -> None:
        """Refuse flags that only learnt policies have, and require an environment if the policy has none."""
        name = self.model
        if self.checkpoint is not None:
            raise WrongInput(f"the {name} policy has no --checkpoint; name a run.")
        if name == "random":
            if self.best:
                raise WrongInput("the random policy has no --best; name a run.")
            if self.environment is None:
                raise WrongInput(
                    "the random policy needs an environment: `operant evaluate random CartPole-v1`."
                )
        elif self.best or self.stochastic:
            raise WrongInput(
                f"the policy {name} has no --{'best' if self.best else 'stochastic'}: it is scripted."
            )
