"""Folders of timm and Hugging Face at full size with random weights, and the logits of two photos by their own preprocessing.

    python scripts/check-published.py FOLDER PHOTO ...        torch, timm, transformers, safetensors

Writes FOLDER/<name>/ as the libraries publish it, with logits.json.
"""

import json
import sys
from pathlib import Path

import timm
import torch
import transformers as hf
from PIL import Image
from timm.data import create_transform, resolve_data_config
from timm.models import save_for_hf

folder, *photos = [Path(one) for one in sys.argv[1:]]
images = [Image.open(photo).convert("RGB") for photo in photos]


def randomised(model: torch.nn.Module) -> torch.nn.Module:
    """Random statistics of batch norm, so that it acts, and classifiers that tell images apart."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 1.5)
            module.running_mean.normal_(0, 0.1)
    return model.eval()


def save(name: str, model: torch.nn.Module, inputs: torch.Tensor) -> None:
    with torch.no_grad():
        output = model(inputs)
    logits = output if isinstance(output, torch.Tensor) else output.logits
    (folder / name / "logits.json").write_text(json.dumps(logits.tolist()))


for name in ["resnet50", "vit_base_patch16_224"]:
    model = randomised(timm.create_model(name, pretrained=False))
    save_for_hf(model, folder / f"timm-{name}", safe_serialization=True)
    transform = create_transform(**resolve_data_config(model.pretrained_cfg))
    save(f"timm-{name}", model, torch.stack([transform(image) for image in images]))
for name, model, processor in [
    ("resnet-50", hf.ResNetForImageClassification(hf.ResNetConfig(num_labels=1000)), hf.ConvNextImageProcessor(size={"shortest_edge": 224}, crop_pct=0.875, resample=3)),
    ("vit-base-patch16-224", hf.ViTForImageClassification(hf.ViTConfig(num_labels=1000)), hf.ViTImageProcessor()),
]:
    randomised(model).save_pretrained(folder / f"hf-{name}")
    processor.save_pretrained(folder / f"hf-{name}")
    save(f"hf-{name}", model, processor(images, return_tensors="pt")["pixel_values"])
