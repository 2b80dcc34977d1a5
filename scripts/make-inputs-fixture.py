"""A network of three inputs and one of an image and metadata, as .pt2 and .onnx, and what they compute: test/model/import/inputs/.

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


class Lesion(torch.nn.Module):
    """A photograph of a lesion, and what is known of the patient."""

    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(
            torch.nn.Conv2d(3, 6, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(6, 8, 3, stride=2), torch.nn.ReLU()
        )
        self.about = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU())
        self.head = torch.nn.Sequential(torch.nn.Linear(13, 10), torch.nn.ReLU(), torch.nn.Linear(10, 2))

    def forward(self, image, patient):
        return self.head(torch.cat([self.features(image).mean((2, 3)), self.about(patient)], 1))


def save(net, name, inputs, shapes):
    """Both files of a network, without paths of this machine."""
    exported = torch.export.export(net, tuple(inputs.values()), dynamic_shapes=shapes)
    for module in exported.graph_module.modules():  # where every call came from
        for node in module.graph.nodes if isinstance(module, torch.fx.GraphModule) else []:
            for key in ["stack_trace", "torch_fn", "source_fn_stack"]:
                node.meta.pop(key, None)
    torch.export.save(exported, out / f"{name}.pt2")
    torch.onnx.export(exported, dynamo=True, input_names=list(inputs), external_data=False).save(out / f"{name}.onnx")


def write(name, values):
    save_file({key: one.detach().contiguous() for key, one in values.items()}, out / name)


batch = torch.export.Dim("batch", min=1, max=64)
torch.manual_seed(5)
net = Net().eval().requires_grad_(False)
image, about, scale = torch.randn(3, 3, 6, 6), torch.randn(1, 2), torch.rand(4)
inputs = {"image": image, "about": about.expand(3, 2).clone(), "scale": scale}
save(net, "net", inputs, ({0: batch}, {0: batch}, None))
write("values.safetensors", {**inputs, "about": about, "logits": net(*inputs.values())})

torch.manual_seed(6)
lesion = Lesion().eval().requires_grad_(False)
inputs = {"image": torch.randn(3, 3, 9, 9), "patient": torch.randn(3, 3)}
save(lesion, "lesion", inputs, ({0: batch}, {0: batch}))
leaves = {name: one.double().requires_grad_() for name, one in inputs.items()}
logits = lesion.double()(*leaves.values())
target = logits.argmax(1)
logits.gather(1, target[:, None]).sum().backward()
products = {f"{name}.product": (one * one.grad).float() for name, one in leaves.items()}  # LRP-0, biases absorbing
write("lesion.safetensors", {**inputs, "logits": logits.float(), "target": target, **products})
