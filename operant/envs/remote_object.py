"""What lives in a process of Ray's, and answers with messages, an error's too."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from operant import cluster, settings
from operant.envs import sent
from operant.messages import unpack


class RemoteObject:
    """Its answers are messages, as of `operant.messages`, or `about()`."""

    def __init__(self, message: bytes, objects: dict[str, Any]) -> None:
        self.failure: bytes | None = None  # why it could not begin
        try:
            told, arrays = unpack(message)
            cluster.require_version(told["version"])
            settings.work_on_processor(told["x64"], told.get("cores"))
            self.begin(told, arrays, objects)
        except BaseException as error:  # which the first call tells
            self.failure = sent.failure(error)

    @abstractmethod
    def begin(self, told: dict[str, Any], arrays: list[Any], objects: dict[str, Any]) -> None:
        """Become what the message says, with objects that Ray has pickled."""

    def ping(self) -> bytes:
        return cluster.about()

    def answer(self, function: Callable[..., bytes], *arguments: Any) -> bytes:
        """What the function gives, or the message about why it does not."""
        if self.failure is not None:
            return self.failure
        try:
            return function(*arguments)
        except BaseException as error:
            return sent.failure(error)
