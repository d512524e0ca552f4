"""Chat templates as values: how messages become one text. Nothing that a model's files say about it is executed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Message = Mapping[str, str]  # {"role": "user", "content": "…"}


@dataclass(frozen=True)
class ChatTemplate:
    """Each message between what comes before and after it; `{role}` stands for its role, and nothing else does."""

    before: str = "<|im_start|>{role}\n"
    """Before a message's content."""
    after: str = "<|im_end|>\n"
    """After it."""
    answer: str = "assistant"
    """The role of the model, whose beginning ends a prompt."""
    system: str | None = None
    """A first message of the role system, where the messages have none."""
    roles: tuple[str, ...] = ("system", "user", "assistant")
    """Those that there are."""

    def render(self, messages: Sequence[Message], *, prompt: bool = True) -> str:
        """The text of some messages; of a `prompt` it ends where the model's answer begins.

        Raises ValueError naming a message without a known role, or without text.
        """
        messages = list(messages)
        for i, message in enumerate(messages):
            role, content = message.get("role"), message.get("content")
            if role not in self.roles:
                raise ValueError(f"message {i}: role={role!r}; known: {', '.join(self.roles)}.")
            if not isinstance(content, str):
                raise ValueError(f"message {i}: content={content!r} is not text.")
        if self.system is not None and (not messages or messages[0]["role"] != "system"):
            messages.insert(0, {"role": "system", "content": self.system})
        text = "".join(self._begun(each["role"]) + each["content"] + self.after for each in messages)
        return text + self._begun(self.answer) if prompt else text

    def _begun(self, role: str) -> str:
        return self.before.replace("{role}", role)


CHATML = ChatTemplate()
PLAIN = ChatTemplate("{role}: ", "\n", roles=("system", "user", "assistant"))
TEMPLATES = {"chatml": CHATML, "plain": PLAIN}
"""By the names that the command line takes: ChatML (of Qwen, SmolLM2 and many others), and a line a message."""


def template(name: str | ChatTemplate) -> ChatTemplate:
    """A template by its name. Raises ValueError for one that there is not."""
    if isinstance(name, ChatTemplate):
        return name
    if name not in TEMPLATES:
        raise ValueError(
            f"chat template {name!r}: there are {', '.join(TEMPLATES)}; or give a ChatTemplate(…)."
        )
    return TEMPLATES[name]
