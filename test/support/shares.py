"""One of several processes that train together: rank, processes, meeting file, out file. No simulation, so it starts fast."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.training.losses import LossWeights, losses, view
from fail2progress.models.training.parallel import Share, together
from fail2progress.models.training.training import TrainingOptions, train
from fail2progress.models.training.transitions import Batch, Transitions


def transitions(executions: int = 12, objects: int = 3) -> Transitions:
    """Random executions of equally many segments, all seen."""
    generator = torch.Generator().manual_seed(0)
    segments = executions * objects
    points = 0.1 * torch.randn(segments, 32, 3, generator=generator)
    box = torch.stack([points.amin(dim=1), points.amax(dim=1)], dim=1)
    return Transitions(
        points=points,
        box=box,
        cloud=torch.arange(segments).unsqueeze(1).expand(-1, 2),
        seen=torch.ones(segments, 2, dtype=torch.bool),
        shift=0.1 * torch.randn(segments, 3, generator=generator),
        unary=torch.rand(segments, 2, 3, generator=generator) > 0.5,
        binary=torch.rand(segments * objects, 2, 9, generator=generator) > 0.5,
        count=torch.full((executions,), objects),
        skill=torch.arange(executions) % 4,
        object=torch.arange(executions) % objects,
        parameters=0.1 * torch.randn(executions, 4, generator=generator),
    )


def small() -> Points2Plans:
    torch.manual_seed(0)
    return Points2Plans(Points2PlansConfig(relational=True, feedforward=16, layers=1))


def gradient(share: Share) -> dict[str, torch.Tensor]:
    """Of one batch, of which this process computes its part; averaged over all."""
    model, source = small(), transitions()
    whole = source.batch(torch.arange(len(source)), torch.Generator().manual_seed(1))
    rows = share.of(torch.arange(len(source)))
    batch = Batch(**{name: value[rows] for name, value in vars(whole).items()})
    parts = losses(model, view(model, source, batch, torch.zeros(len(rows), 3), None), batch, LossWeights())
    torch.stack(list(parts.values())).sum().backward()
    share.average(list(model.parameters()))
    return {f"gradient.{name}": p.grad for name, p in model.named_parameters() if p.grad is not None}


def trained(share: Share) -> dict[str, torch.Tensor]:
    """Weights after two epochs."""
    model, source = small(), transitions()
    options = TrainingOptions(epochs=2, batch=6)
    for _ in train(model, source, list(model.parameters()), options, torch.Generator().manual_seed(0), share=share):
        pass
    return {f"weight.{name}": value for name, value in model.state_dict().items()}


if __name__ == "__main__":
    with together(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])) as mine:
        save_file({**gradient(mine), **trained(mine)}, sys.argv[4])
