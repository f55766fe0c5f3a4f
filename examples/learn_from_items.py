"""Learn from an execution that is written down as an item.

    python examples/learn_from_items.py [ITEMS.jsonl] [TUNED.safetensors]

The item file beside this program holds a mug that is carried to the other table with a pill in it.
"""

import sys
from pathlib import Path

import fail2progress as f2p
from fail2progress.learning.finetuning.finetune import FinetuneOptions
from fail2progress.learning.finetuning.targeted import TargetOptions
from fail2progress.models.checkpoint import save_checkpoint

ITEMS = Path(__file__).with_name("items.jsonl")


def main(items: Path = ITEMS, out: Path | None = None) -> None:
    """Print what was learnt; write the tuned model where a file is named and the gate let it through."""
    # Less than by default (20 samples, 200 epochs, 45 s for what passes better): this failure is mended as well by that.
    lesson = f2p.learn(items, targeting=TargetOptions(samples=8), finetuning=FinetuneOptions(epochs=80), patience=0.0)
    samples = sum(len(targeted.outcomes) for targeted in lesson.targeted)
    print(f"{samples} executions like the failure, {sum(lesson.seconds.values()):.0f} s")
    print(f"the tuned model {'passed' if lesson.verdict.passed else 'was rejected'}: {lesson.verdict.reason}")
    if out is not None and lesson.verdict.passed:
        print(f"{out}: {save_checkpoint(lesson.model, out, {'item': str(items)})[:12]}")


if __name__ == "__main__":
    main(*(Path(name) for name in sys.argv[1:]))
