"""The model of a node: where it starts, and how it takes another one over between two messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fail2progress_msgs.msg import ModelState, ModelUpdate

from fail2progress.models import weights
from fail2progress.models.checkpoint import Checkpoint, load_checkpoint
from fail2progress.models.hot_swap import LiveModel, Offer
from fail2progress.models.store import Registry
from fail2progress.ros.conversions.values import check_schema, header
from fail2progress.ros.lifecycle import StackNode

OFFERED = (ModelUpdate.ACCEPTED, ModelUpdate.ROLLED_BACK)


def registry(node: StackNode) -> Registry:
    """The stack's versions."""
    return Registry(node.state_dir / "models")


def starting_model(node: StackNode) -> Checkpoint:
    """The registry's current model, the one named by the parameter, or the package's; CheckpointError where damaged."""
    versions, named = registry(node), str(node.param("model"))
    if (versions.folder / "CURRENT").exists():
        return versions.current()
    return load_checkpoint(Path(named) if named else weights.path(weights.RELATIONAL))


class ModelNode(StackNode):
    """A node that uses the model, and says which one."""

    live: LiveModel

    def load(self) -> None:
        """Call in `start`."""
        self.live = LiveModel(starting_model(self))
        self.listen("model_updates", self.update_model, when_inactive=True)
        self.announce()

    def update_model(self, message: Any) -> None:
        """Take an offered model over, or keep the old one and say why."""
        check_schema(message)
        if message.kind not in OFFERED:
            return
        offer = Offer(Path(message.path), message.digest, message.kind == ModelUpdate.ROLLED_BACK)
        if not self.live.offer(offer):
            self.count("model_updates/model", self.live.refusal)
        self.announce()

    def announce(self) -> None:
        """Tell the digest that this node runs."""
        self.facts["model"] = self.live.current.digest
        self.facts["swaps"] = str(self.live.swaps)
        state = ModelState(
            header=header(self.now(), ""),
            node=self.get_name(),
            digest=self.live.current.digest,
            reason=self.live.refusal,
            swaps=self.live.swaps,
        )
        self.tell("model_states", state)
