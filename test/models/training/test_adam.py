"""Adam without torch's compiler, against torch's own."""

import subprocess
import sys

import torch
from torch import nn

from fail2progress.models.training.adam import Adam
from fail2progress.models.training.training import adam_state

ALONE = """
import sys, torch
from fail2progress.models.training.adam import Adam
weights = torch.ones(3, requires_grad=True)
adam = Adam([{"params": [weights], "lr": 0.1}], maximize=True)
schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 0.5**step)
for _ in range(3):
    adam.zero_grad()
    (weights**2).sum().backward()
    adam.step()
    schedule.step()
adam.load_state_dict(adam.state_dict())
print(*(name for name in ("torch._dynamo", "sympy") if name in sys.modules))
"""


def trained(kind: type[torch.optim.Adam]) -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    first, second = net[0].parameters(), net[2].parameters()
    adam = kind([{"params": list(first), "lr": 1e-2}, {"params": list(second), "lr": 3e-3}], betas=(0.9, 0.9), weight_decay=1e-3)
    for _ in range(20):
        adam.zero_grad()
        net(torch.randn(16, 4)).square().mean().backward()
        adam.step()
    return [parameter.detach() for parameter in net.parameters()], adam_state(adam)


def test_the_same_bits_as_torch() -> None:
    (ours, state), (theirs, expected) = trained(Adam), trained(torch.optim.Adam)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert state.keys() == expected.keys() and all(torch.equal(state[key], expected[key]) for key in state)
    assert all(parameter.is_leaf for parameter in ours)


def test_training_imports_no_compiler() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
