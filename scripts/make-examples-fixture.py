"""Writes test/examples/networks: small networks for photos with the 1000 classes of ImageNet, as the examples of the docs
take them: net.pt2, net.onnx, vit.onnx.

Run with Python and PyTorch: python scripts/make-examples-fixture.py
"""

import json
import zipfile
from pathlib import Path

import torch
from torch import nn

FOLDER = Path(__file__).parent.parent / "test" / "examples" / "networks"
FOLDER.mkdir(parents=True, exist_ok=True)


class Convolutional(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 16, 16), nn.ReLU(), nn.Conv2d(6, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Linear(8, 1000)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class Transformer(nn.Module):
    """One block over 16 patches."""

    def __init__(self, width=8, heads=2):
        super().__init__()
        self.heads = heads
        self.patches = nn.Sequential(nn.AvgPool2d(14), nn.Conv2d(3, width, 4, 4, bias=False))
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 16), nn.GELU(), nn.Linear(16, width))
        self.head = nn.Linear(width, 1000)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        n, tokens, width = x.shape
        q, k, v = self.qkv(self.before(x)).reshape(n, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = torch.softmax(q @ k.transpose(-2, -1) / (width // self.heads) ** 0.5, -1) @ v
        x = x + self.out(mixed.transpose(1, 2).reshape(n, tokens, width))
        return self.head((x + self.mlp(self.after(x))).mean(1))


def save_program(net: nn.Module, path: Path) -> None:
    x = torch.randn(2, 3, 224, 224)
    torch.export.save(torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},)), path)
    # without the sample inputs, and without the paths of this machine
    with zipfile.ZipFile(path) as archive:
        entries = [(info, archive.read(info)) for info in archive.infolist() if "sample_inputs" not in info.filename]
    with zipfile.ZipFile(path, "w") as archive:
        for info, data in entries:
            if info.filename.endswith("models/model.json"):
                graph = json.loads(data)
                for node in graph["graph_module"]["graph"]["nodes"]:
                    kept = node["metadata"].get("nn_module_stack")
                    node["metadata"] = {"nn_module_stack": kept} if kept else {}
                graph["graph_module"]["module_call_graph"] = []
                data = json.dumps(graph, separators=(",", ":")).encode()
            archive.writestr(zipfile.ZipInfo(info.filename, (1980, 1, 1, 0, 0, 0)), data)


def save_onnx(net: nn.Module, path: Path) -> None:
    names = {"input_names": ["input"], "output_names": ["logits"]}
    axes = {"input": {0: "batch"}, "logits": {0: "batch"}}
    torch.onnx.export(net, torch.randn(2, 3, 224, 224), path, dynamo=False, opset_version=17, dynamic_axes=axes, **names)


torch.manual_seed(0)
convolutional, transformer = Convolutional().eval(), Transformer().eval()
save_program(convolutional, FOLDER / "net.pt2")
save_onnx(convolutional, FOLDER / "net.onnx")
save_onnx(transformer, FOLDER / "vit.onnx")
