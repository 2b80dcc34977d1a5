"""Small networks as PyTorch exports them, with what they compute: the fixture of test/model/import/exported.test.ts.

    pip install torch==2.11.0 onnx==1.23.2 onnxscript==0.7.2
    python scripts/make-import-fixture.py test/model/import/fixtures

Under an older PyTorch, with its version as a second argument (`torch25`), only the same programs in that version's format.
"""

import sys
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")


class Call(nn.Module):
    """A function with the modules it uses."""

    def __init__(self, function, **modules):
        super().__init__()
        self.function = function
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x):
        return self.function(self, x)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.token = nn.Parameter(torch.randn(1, 1, width))

    def forward(self, x):
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1)
        y = self.norm(x)
        return (x + self.attention(y, y, y, need_weights=False)[0])[:, 0]


def gates(m, x):
    x = F.silu(m.a(x)) + F.hardswish(m.b(x))
    return x * F.hardsigmoid(m.c(x)) * torch.sigmoid(m.a(x)) + F.softplus(m.b(x))


def shapes(m, x):
    left, right = torch.chunk(m.conv(x), 2, dim=1)
    a, b, c = torch.split(F.pad(left, (1, 2, 0, 1), mode="reflect"), [1, 1, 2], dim=1)
    x = torch.cat([c, a, b], dim=1)[:, :, 1::2, :-1]
    x = torch.cat([x, F.pad(right, (2, 0, 1, 1), value=0.5)[:, :, :3]], dim=2)
    x = F.pad(x, (1, 1, 1, 1), mode="replicate").permute(0, 2, 3, 1)
    return x.mean(dim=(1,)).transpose(1, 2).flatten(2).unsqueeze(1).squeeze(1)[:, 2]


def resized(m, x):
    x = F.interpolate(m.conv(x), scale_factor=2, mode="nearest")
    x = F.interpolate(x, size=(9, 11), mode="bilinear", align_corners=False)
    return F.interpolate(x, size=(5, 6), mode="bilinear", align_corners=True)


def sums(m, x):
    y = m.first(x)
    y += x * 2 - 1
    y = y / 3 + (1 - x)
    return m.last(y - y.mean(dim=-1, keepdim=True)) * -1


def cases():
    conv = nn.Conv2d
    old, new = ("old", [11, 13, 17]), ("new", [18, 21])
    yield "conv1d", (3, 4, 12), [old, new], nn.Sequential(
        nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), nn.GroupNorm(3, 6), nn.ELU(0.7), nn.AvgPool1d(2),
        nn.ConvTranspose1d(6, 4, 3, stride=2, output_padding=1), nn.InstanceNorm1d(4, affine=True), nn.Flatten(), nn.Linear(32, 5))
    yield "conv3d", (2, 2, 6, 6, 6), [old, new], nn.Sequential(
        nn.Conv3d(2, 4, 3, padding=1, dilation=1), nn.BatchNorm3d(4), nn.LeakyReLU(0.1), nn.MaxPool3d(2),
        nn.ConvTranspose3d(4, 3, 2, stride=2), nn.Hardtanh(-0.8, 0.9), nn.AdaptiveAvgPool3d(1), nn.Flatten())
    yield "conv_transpose2d", (2, 3, 5, 6), [old, new], nn.Sequential(
        nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1, groups=1), nn.Tanh(),
        nn.ConvTranspose2d(4, 2, 2, dilation=2, bias=False), nn.PReLU(), nn.Flatten())
    yield "pools", (2, 3, 11, 12), [old], nn.Sequential(
        nn.MaxPool2d(3, 2, 1, ceil_mode=True), conv(3, 4, 2, padding="same"), nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False),
        nn.ReLU6(), nn.AvgPool2d(2, 1, 1), nn.AdaptiveMaxPool2d(1), nn.Flatten())
    yield "norms", (2, 6, 8), [("old", [11, 17]), new], nn.Sequential(
        nn.LayerNorm(8), nn.Linear(8, 8), nn.GELU(), nn.LayerNorm([6, 8], elementwise_affine=False), nn.GELU(approximate="none"),
        nn.Linear(8, 4, bias=False), nn.Flatten(), nn.Softmax(dim=1))
    yield "gates", (2, 6), [("old", [11, 14, 17]), new], Call(gates, a=nn.Linear(6, 6), b=nn.Linear(6, 6), c=nn.Linear(6, 6))
    yield "shapes", (2, 3, 7, 8), [("old", [13, 17]), new], Call(shapes, conv=conv(3, 8, 1))
    yield "resized", (2, 3, 4, 5), [old, new], Call(resized, conv=conv(3, 2, 1))
    yield "sums", (2, 6), [old, new], Call(sums, first=nn.Linear(6, 6, bias=False), last=nn.Linear(6, 3))
    yield "attention", (2, 5, 8), [("old", [14, 17]), new], Attention(8, 2)


def randomise(module):
    for one in module.modules():
        if isinstance(one, (nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm1d, nn.BatchNorm3d)) and one.weight is not None:
            nn.init.normal_(one.weight, 1, 0.3)
            nn.init.normal_(one.bias, 0, 0.3)
        if isinstance(one, nn.BatchNorm3d):
            one.running_mean.normal_(0, 0.2)
            one.running_var.uniform_(0.5, 1.5)


def without_paths(path):
    """The exporter notes the stack of every call, with paths of this machine."""
    import onnx

    model = onnx.load(path)
    for node in model.graph.node:
        kept = [one for one in node.metadata_props if one.key.endswith(("name_scopes", "class_hierarchy"))]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
        node.doc_string = ""
    del model.graph.value_info[:]
    onnx.save(model, path)


def save_program(module, inputs, dynamic_shapes, path):
    program = torch.export.export(module, inputs, dynamic_shapes=dynamic_shapes)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    torch.export.save(program, path)


def main(folder, version=None):
    if not version:
        from safetensors.torch import save_file
    folder.mkdir(parents=True, exist_ok=True)
    batch = torch.export.Dim("batch", min=1, max=64)
    torch.manual_seed(0)
    torch.backends.mha.set_fastpath_enabled(False)
    with torch.no_grad():
        for name, shape, exporters, module in cases():
            randomise(module.eval())
            x = torch.randn(shape)
            if version:
                save_program(module, (x,), ({0: batch},), folder / f"{name}.{version}.pt2")
                continue
            save_file({"input": x, "output": module(x).contiguous()}, folder / f"{name}.safetensors")
            for kind, opsets in exporters:
                for opset in opsets:
                    path = folder / f"{name}.opset{opset}.onnx"
                    dynamic = ({"dynamic_axes": {"x": {0: "batch"}}, "input_names": ["x"]} if kind == "old"
                               else {"dynamic_shapes": ({0: batch},), "external_data": False, "verbose": False})
                    try:
                        torch.onnx.export(module, (x,), path, opset_version=opset, dynamo=kind == "new", **dynamic)
                        without_paths(path)
                    except Exception as error:
                        print(name, kind, opset, str(error).splitlines()[0][:200])
            save_program(module, (x,), ({0: batch},), folder / f"{name}.pt2")
            if name == "conv1d":  # for one image only, as users export who think of no batch
                save_program(module, (x[:1],), None, folder / f"{name}.fixed.pt2")
                path = folder / f"{name}.fixed.onnx"
                torch.onnx.export(module, (x[:1],), path, dynamo=True, external_data=False, verbose=False)
                without_paths(path)

    if version:
        return
    torch.manual_seed(0)
    weights = nn.Sequential(nn.Linear(20, 30), nn.Linear(30, 10)).state_dict()
    torch.save({"state_dict": {f"module.{name}": one for name, one in weights.items()}}, folder / "zip.pth")
    torch.save(weights, folder / "legacy.pth", _use_new_zipfile_serialization=False)


main(Path(sys.argv[1]), *sys.argv[2:])
