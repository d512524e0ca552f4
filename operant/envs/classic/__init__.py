"""Gymnasium's classic control tasks, native: they agree with Gymnasium's own step by step."""

from operant.envs.classic.acrobot import Acrobot
from operant.envs.classic.cartpole import CartPole
from operant.envs.classic.mountain_car import MountainCar
from operant.envs.classic.pendulum import Pendulum

__all__ = ["Acrobot", "CartPole", "MountainCar", "Pendulum"]
