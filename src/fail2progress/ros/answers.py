"""What the nodes of a stack have said so far, for one who waits for their answers."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fail2progress.ros import graph as table
from fail2progress.ros.conversions.values import stamp_of, uuid_text
from fail2progress.ros.lifecycle import REFUSED, StackNode

StepKey = tuple[str, int]
"""Episode and index of a step."""

BESIDE = ("camera_info", "clock", "incomplete", "label_names", "unsent")
"""Kinds that nodes count of what is lacking, was lost or was forgotten; they refuse nothing that comes."""
APART = (table.IMU, "heartbeat", "looks", "model_updates", "tf", "tf_static")
"""Topics whose messages come again and again beside what is shown: that one is refused says nothing of the others."""
OF_IMAGES = ("camera", "encoding", "error", "perception", "points", "transform")
"""Kinds of refusals that are of images, whatever they are counted under: those that waited for a transform come with that."""


@dataclass(frozen=True)
class Answer:
    """The newest relations: stamp (ns) of what was seen, after how many steps of which episode, and whether one was under way."""

    stamp: int = -1
    state: StepKey = ("", 0)
    moving: bool = False


class StackAnswers:
    """Listens to relations, verdicts, models and refusals in the name of a node. Safe to use from several threads."""

    def __init__(self, node: StackNode) -> None:
        self.said = threading.Condition()
        self.run = node.others.run
        self.ending = threading.Event()
        self.answer = Answer()
        self.count = 0
        """Relations heard."""
        self.judged: set[StepKey] = set()
        self.models: defaultdict[str, set[str]] = defaultdict(set)
        """Digests that each node has run, by the node's name."""
        self.offered: set[str] = set()
        """Digests of models that all nodes were offered."""
        self.refusals: dict[str, str] = {}
        """What nodes refused, by node and kind: how often, and why at last."""
        for name, take in {
            "relations": self._relations,
            "verdicts": self._verdict,
            "model_states": self._model,
            "model_updates": self._offer,
            "diagnostics": self._diagnosis,
        }.items():
            node.listen(name, take, group=node.together, when_inactive=True)

    def wait(self, true: Callable[[], bool], seconds: float, period: float = 0.02) -> bool:
        """Whether it came true in time; False at once when `ending` is set."""
        end = time.monotonic() + seconds
        while not self.ending.is_set() and time.monotonic() < end:
            with self.said:
                if true():
                    return True
                self.said.wait(period)
        return False

    def knows(self, model: str, *nodes: str) -> bool:
        """Whether all these nodes run a model, or have run it."""
        return all(model in self.models[node] for node in nodes)

    def refused(self, *nodes: str) -> dict[str, str]:
        """What these nodes refused so far."""
        return {kind: said for kind, said in self.refusals.items() if kind.split(" ")[0] in nodes}

    def refused_now(self, *nodes: str) -> dict[str, str]:
        """What these nodes refused of what they are shown: without what keeps none of them from answering, or from answering when
        it is shown again."""
        return {kind: said for kind, said in self.refused(*nodes).items() if not _beside(kind.split(" ")[1])}

    def _relations(self, message: Any) -> None:
        state = uuid_text(message.episode), int(message.finished)
        with self.said:
            self.answer = Answer(stamp_of(message.header.stamp), state, bool(message.moving))
            self.count += 1
            self.said.notify_all()

    def _verdict(self, message: Any) -> None:
        with self.said:
            self.judged.add((uuid_text(message.episode), int(message.step)))
            self.said.notify_all()

    def _model(self, message: Any) -> None:
        with self.said:
            self.models[message.node].add(message.digest)
            self.said.notify_all()

    def _offer(self, message: Any) -> None:
        with self.said:
            self.offered.add(message.digest)
            self.said.notify_all()

    def _diagnosis(self, message: Any) -> None:
        told = {
            f"{status.name.rpartition('/')[2].rpartition(' ')[2]} {item.key.removeprefix(REFUSED)}": item.value
            for status in message.status
            if status.hardware_id == self.run
            for item in status.values
            if item.key.startswith(REFUSED)
        }
        with self.said:
            self.refusals.update(told)
            self.said.notify_all()


def _beside(kind: str) -> bool:
    """Whether what is counted as this keeps no node from answering what it is shown."""
    topic, _, why = kind.rpartition("/")
    return kind in BESIDE or (topic in APART and why not in OF_IMAGES)
