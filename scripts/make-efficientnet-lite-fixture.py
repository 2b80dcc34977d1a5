"""Writes test/model/efficientnet-lite.json: logits of efficientnet-lite-pytorch with weights from a formula.

    pip install efficientnet-lite-pytorch==0.1.0 torch
    python scripts/make-efficientnet-lite-fixture.py
"""

import json
import sys
from pathlib import Path

import torch
from efficientnet_lite_pytorch import EfficientNet

sys.stdout.reconfigure(line_buffering=True)
out = Path(__file__).parent.parent / "test" / "model" / "efficientnet-lite.json"


def pattern(count: int) -> torch.Tensor:
    """The same numbers as in the test, from -1 to 1."""
    return ((torch.arange(count, dtype=torch.int64) * 37 + 11) % 101).double() / 50 - 1


def fill(name: str, tensor: torch.Tensor) -> torch.Tensor:
    values = pattern(tensor.numel()).reshape(tensor.shape)
    if tensor.dim() > 1:
        return values * (3 / tensor[0].numel()) ** 0.5
    if name.endswith(("running_var", ".weight")):
        return 1 + values / 4
    return values / 10


expected = {}
for index, side in enumerate([224, 240, 260]):
    net = EfficientNet.from_name(f"efficientnet-lite{index}", num_classes=5)
    state = {n: fill(n, t) if t.is_floating_point() else t for n, t in net.state_dict().items()}
    net.load_state_dict(state)
    net.double().eval()
    with torch.no_grad():
        logits = net(pattern(3 * side * side).reshape(1, 3, side, side))
    expected[f"efficientnet_lite{index}"] = {"side": side, "logits": logits[0].tolist()}
    print(index, logits)
out.write_text(json.dumps(expected, indent=2) + "\n")
