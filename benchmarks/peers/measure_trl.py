"""TRL's iterations of GRPO on the same model, in a process of their own, like `benchmarks.measure_grpo`."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from pathlib import Path

import torch
import transformers
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from benchmarks.common import peak_bytes, sit


class Pause(transformers.TrainerCallback):
    """Training, in a thread of its own, waits before every iteration until it is asked for."""

    def __init__(self) -> None:
        self.wanted, self.done = threading.Semaphore(0), threading.Semaphore(0)

    def on_step_begin(self, *_, **__) -> None:
        self.wanted.acquire()

    def on_step_end(self, *_, **__) -> None:
        self.done.release()

    def next(self) -> None:
        self.wanted.release()
        self.done.acquire()


def main() -> None:
    case = json.loads(sys.argv[1])
    torch.set_num_threads(case["threads"])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=f"{case['folder']}/tokenizer.json", pad_token="<pad>", eos_token="<end>"
    )
    texts = json.loads((Path(case["folder"]) / "prompts.json").read_text())
    played: list[int] = []

    def reward(completions: list[str], completion_ids: list[list[int]], **_) -> list[float]:
        """How many different words a response has."""
        played.append(sum(map(len, completion_ids)))
        return [float(len(set(text.split()))) for text in completions]

    with tempfile.TemporaryDirectory() as place:
        pause = Pause()
        trainer = GRPOTrainer(
            transformers.AutoModelForCausalLM.from_pretrained(case["folder"], dtype=torch.float32),
            reward_funcs=reward,
            args=GRPOConfig(
                output_dir=place,
                report_to=[],
                use_cpu=True,
                bf16=False,
                fp16=False,
                gradient_checkpointing=False,
                disable_tqdm=True,
                logging_steps=10**6,
                save_strategy="no",
                max_steps=10**6,
                per_device_train_batch_size=case["prompts"],
                num_generations=case["group"],
                max_completion_length=case["new"],
                learning_rate=case["learning_rate"],
                beta=0.0,
            ),
            train_dataset=Dataset.from_list([{"prompt": text} for text in texts]),
            processing_class=tokenizer,
            callbacks=[pause],
        )
        threading.Thread(target=trainer.train, daemon=True).start()

        def learn() -> int:
            """One iteration: the tokens of its responses."""
            before = sum(played)
            pause.next()
            return sum(played) - before

        sit(learn, str(case["threads"]), lambda: {"peak_bytes": peak_bytes()})


if __name__ == "__main__":
    main()
