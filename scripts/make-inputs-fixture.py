"""A network of three inputs, as .pt2 and .onnx, and what it computes: test/model/import/inputs/.

    python scripts/make-inputs-fixture.py       torch 2.11, onnxscript, safetensors
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

out = Path(__file__).parent.parent / "test" / "model" / "import" / "inputs"
out.mkdir(parents=True, exist_ok=True)


class Net(torch.nn.Module):
    """An image, a row of numbers about every image, and one scale for all."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)
        self.fc = torch.nn.Linear(6, 3)

    def forward(self, image, about, scale):
        x = torch.relu(self.conv(image)) * scale.reshape(1, 4, 1, 1)
        return self.fc(torch.cat([x.mean((2, 3)), about], 1))


torch.manual_seed(5)
net = Net().eval().requires_grad_(False)
image, about, scale = torch.randn(3, 3, 6, 6), torch.randn(1, 2), torch.rand(4)
batch = torch.export.Dim("batch", min=1, max=64)
shapes = ({0: batch}, {0: batch}, None)
exported = torch.export.export(net, (image, about.expand(3, 2).clone(), scale), dynamic_shapes=shapes)
for module in exported.graph_module.modules():  # where every call came from, with paths of this machine
    for node in module.graph.nodes if isinstance(module, torch.fx.GraphModule) else []:
        for key in ["stack_trace", "torch_fn", "source_fn_stack"]:
            node.meta.pop(key, None)
torch.export.save(exported, out / "net.pt2")
names = ["image", "about", "scale"]
torch.onnx.export(exported, dynamo=True, input_names=names, external_data=False).save(out / "net.onnx")
values = {"image": image, "about": about, "scale": scale, "logits": net(image, about.expand(3, 2), scale)}
save_file({name: one.contiguous() for name, one in values.items()}, out / "values.safetensors")
