"""Writes test/model/published: tiny networks of Hugging Face and timm with random weights as these publish them, their
logits for one input, and what their own preprocessing makes of an image (expected.json).

Run with Python, torch, transformers, timm and PIL: python scripts/make-published-fixture.py
"""

import json
import shutil
from pathlib import Path

import timm
import torch
import transformers as hf
from PIL import Image
from timm.data import create_transform, resolve_data_config
from timm.models import save_for_hf

FOLDER = Path(__file__).parent.parent / "test" / "model" / "published"
PHOTO = Path(__file__).parent.parent / "test" / "data" / "images" / "colours.png"
shutil.rmtree(FOLDER, ignore_errors=True)
FOLDER.mkdir(parents=True)
expected = {"networks": {}, "preprocessing": []}


def randomised(model: torch.nn.Module) -> torch.nn.Module:
    """Weights large enough that every part of the network counts."""
    torch.manual_seed(3)
    with torch.no_grad():
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if not value.is_floating_point():
                continue
            if name.endswith("running_var"):
                value.uniform_(0.5, 2)
            else:
                value.normal_(0.6 if value.ndim == 1 and "norm" in name and name.endswith("weight") else 0, 0.4)
    return model.eval()


def record(name: str, model: torch.nn.Module, size: int) -> None:
    image = ((torch.arange(2 * 3 * size * size) * 37 + 11) % 101 / 101).reshape(2, 3, size, size)
    with torch.no_grad():
        output = model(image)
    logits = output if isinstance(output, torch.Tensor) else output.logits
    expected["networks"][name] = {"size": size, "logits": logits.flatten().tolist()}


def hugging_face(name: str, model: hf.PreTrainedModel, size: int, processor=None) -> None:
    randomised(model).save_pretrained(FOLDER / name)
    if processor is not None:
        processor.save_pretrained(FOLDER / name)
    record(name, model, size)


small = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, image_size=8, patch_size=4)
pets = {"id2label": {0: "cat", 1: "dog", 2: "horse"}, "label2id": {"cat": 0, "dog": 1, "horse": 2}}
hugging_face("hf-vit", hf.ViTForImageClassification(hf.ViTConfig(**small, **pets)), 8, hf.ViTImageProcessor(size={"height": 8, "width": 8}))
hugging_face("hf-deit", hf.DeiTForImageClassification(hf.DeiTConfig(**small, num_labels=3)), 8)
hugging_face("hf-deit-teacher", hf.DeiTForImageClassificationWithTeacher(hf.DeiTConfig(**small, hidden_act="gelu_new", num_labels=3)), 8)
sizes = hf.ConvNextImageProcessor(size={"shortest_edge": 32}, crop_pct=0.875)
for kind in ["bottleneck", "basic"]:
    config = hf.ResNetConfig(embedding_size=4, hidden_sizes=[8, 16], depths=[1, 2], layer_type=kind, num_labels=3)
    hugging_face(f"hf-resnet-{kind}", hf.ResNetForImageClassification(config), 32, sizes)
config = hf.ConvNextConfig(hidden_sizes=[4, 8], depths=[1, 2], num_stages=2, num_labels=3, image_size=32)
hugging_face("hf-convnext", hf.ConvNextForImageClassification(config), 32, sizes)


def of_timm(name: str, architecture: str, size: int, **arguments) -> None:
    model = randomised(timm.create_model(architecture, pretrained=False, num_classes=3, **arguments))
    model.pretrained_cfg["input_size"] = (3, size, size)
    save_for_hf(model, FOLDER / name, model_args=arguments, safe_serialization=True)
    record(name, model, size)


of_timm("timm-vit", "vit_tiny_patch16_224", 32, img_size=32, embed_dim=8, depth=2, num_heads=2)
of_timm("timm-deit", "deit_tiny_distilled_patch16_224", 32, img_size=32, embed_dim=8, depth=1, num_heads=2)
of_timm("timm-convnext", "convnext_tiny", 32, depths=(1, 1, 1, 1), dims=(4, 8, 8, 8))
of_timm("timm-convnext-atto", "convnext_atto", 32, depths=(1, 1, 1, 1), dims=(4, 8, 8, 8))
for folder in FOLDER.iterdir():
    for name in ["pytorch_model.bin", "README.md"]:
        (folder / name).unlink(missing_ok=True)

# preprocessing: a photo as the libraries' own transforms see it
photo = Image.open(PHOTO).convert("RGB")
processors = [
    hf.ViTImageProcessor(size={"height": 10, "width": 8}, resample=2),
    hf.ViTImageProcessor(size={"height": 10, "width": 8}, resample=3, do_normalize=False),
    hf.DeiTImageProcessor(size={"height": 12, "width": 12}, crop_size={"height": 8, "width": 8}),
    hf.BitImageProcessor(size={"shortest_edge": 11}, crop_size={"height": 8, "width": 8}, resample=3),
    hf.CLIPImageProcessor(size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8}),
    hf.ConvNextImageProcessor(size={"shortest_edge": 8}, crop_pct=0.7),
    hf.SiglipImageProcessor(size={"height": 9, "width": 9}),
    hf.MobileNetV2ImageProcessor(size={"shortest_edge": 12}, crop_size={"height": 8, "width": 8}),
    hf.EfficientNetImageProcessor(size={"height": 9, "width": 9}, resample=3, include_top=True),
    hf.EfficientNetImageProcessor(size={"height": 9, "width": 9}, resample=2, rescale_offset=True, rescale_factor=1 / 127.5, include_top=False),
    hf.BeitImageProcessor(size={"height": 9, "width": 9}, do_center_crop=False),
]
for processor in processors:
    values = processor(photo, return_tensors="pt")["pixel_values"][0]
    entry = {"file": json.loads(processor.to_json_string()), "shape": list(values.shape), "values": values.flatten().tolist()}
    expected["preprocessing"].append(entry)
for settings in [
    dict(interpolation="bicubic", crop_pct=0.9, crop_mode="center"),
    dict(interpolation="bilinear", crop_pct=0.7, crop_mode="squash"),
    dict(interpolation="bicubic", crop_pct=0.6, crop_mode="center"),
]:
    config = dict(input_size=(3, 8, 8), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), **settings)
    values = create_transform(**resolve_data_config(config))(photo)
    entry = {"file": {"architecture": "any", "pretrained_cfg": config}, "shape": list(values.shape), "values": values.flatten().tolist()}
    expected["preprocessing"].append(entry)


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return {key: rounded(one) for key, one in value.items()} if isinstance(value, dict) else value


(FOLDER / "expected.json").write_text(json.dumps(rounded(expected), separators=(",", ":")) + "\n")
