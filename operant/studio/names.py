"""Names and units of the numbers of well-known environments, for axes and bars."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """Names of the elements of an environment's observation and actions. Empty if unknown."""

    observation: tuple[str, ...] = ()  # one an element, with its unit in brackets
    actions: tuple[str, ...] = ()  # one a choice; for continuous actions one an element
    limits: tuple[float, float] | None = None  # of continuous actions

    def element(self, index: int) -> str:
        """The name of the index-th element of the observation."""
        return self.observation[index] if index < len(self.observation) else f"observation[{index}]"

    def action(self, index: int) -> str:
        """The name of the index-th choice, or of the index-th element of a continuous action."""
        return self.actions[index] if index < len(self.actions) else f"action {index}"


_LANDER = (
    "horizontal position",
    "height",
    "horizontal velocity",
    "vertical velocity",
    "angle (rad)",
    "angular velocity",
    "left leg on ground",
    "right leg on ground",
)
_KNOWN = {
    "CartPole-v1": Names(
        ("cart position (m)", "cart velocity (m/s)", "pole angle (rad)", "pole velocity (rad/s)"),
        ("push left", "push right"),
    ),
    "MountainCar-v0": Names(("position", "velocity"), ("push left", "coast", "push right")),
    "MountainCarContinuous-v0": Names(("position", "velocity"), ("push",), (-1.0, 1.0)),
    "Acrobot-v1": Names(
        (
            "cos θ₁",
            "sin θ₁",
            "cos θ₂",
            "sin θ₂",
            "velocity of joint 1 (rad/s)",
            "velocity of joint 2 (rad/s)",
        ),
        ("torque −1", "no torque", "torque +1"),
    ),
    "Pendulum-v1": Names(("cos θ", "sin θ", "angular velocity (rad/s)"), ("torque (N m)",), (-2.0, 2.0)),
    "TwoJointReach": Names(
        (), ("speed of the shoulder (2 rad/s)", "speed of the elbow (2 rad/s)"), (-1.0, 1.0)
    ),
    "VacuumRobot": Names(
        ("bumped", "dust in the last second"), ("probability p of driving on", "largest turn r (rad)")
    ),
    "LunarLander-v3": Names(_LANDER, ("no engine", "left engine", "main engine", "right engine")),
    "LunarLanderContinuous-v3": Names(_LANDER, ("main engine", "side engines"), (-1.0, 1.0)),
}


def names(environment: str | None) -> Names:
    """The names for an environment id; generic ones if it is unknown."""
    return _KNOWN.get(environment or "", Names())
