"""Exports the networks of a population for scripts/check-population.mjs, with what PyTorch computes.

    python scripts/check-population.py POPULATION FOLDER [PATTERN]

POPULATION is a folder with `specs.py`, which builds the networks, and `worker.py`, which exports one. Every network goes to
FOLDER/<format>/<population>.<name>: m.pt2 or m.onnx, x.npy, ref.npy (logits), grad.npy (gradient of the largest logit).
"""

import json
import os
import re
import shutil
import sys
from pathlib import Path

FORMATS = {"A": "pt2", "B": "pt2", "C": "pt2", "S": "pt2-static"}


def listed(specs, population):
    if population == "A":
        return specs.timm_specs()
    if population == "B":
        return [("B", "tv", name) for name in specs.TV_CLS + specs.TV_SEG + specs.TV_VID]
    if population == "C":
        return [("C", "hf", name) for name in specs.hf_table()]
    families = (("hf", specs.D_HF), ("timm", specs.D_TIMM), ("tv", specs.D_TV))
    return [(population, family, name) for family, names in families for name in names]


def main(population, folder, pattern="."):
    os.environ["OUT"] = str(folder)
    sys.path.insert(0, str(population))
    import timm  # noqa: F401  specs.py expects these
    import torchvision  # noqa: F401
    import specs
    import worker

    for kind, formats in [*((kind, [fmt]) for kind, fmt in FORMATS.items()), ("D", ["onnx-dynamo", "onnx-legacy"])]:
        for spec in listed(specs, kind):
            for fmt in formats:
                target = folder / fmt / f"{spec[0]}.{spec[2]}"
                if target.exists() or not re.search(pattern, f"{fmt}/{target.name}"):
                    continue
                export(worker, spec, fmt, target)


def export(worker, spec, fmt, target):
    """In a process of its own: some networks need much memory, and some end it."""
    current = Path(worker.CUR)
    shutil.rmtree(current, ignore_errors=True)
    current.mkdir(parents=True)
    process = os.fork()
    if process == 0:
        try:
            worker.child(spec, fmt)
        finally:
            os._exit(0)
    os.waitpid(process, 0)
    out = current / "out.json"
    stage = json.loads(out.read_text()).get("stage") if out.exists() else "crash"
    print(target.relative_to(target.parents[1]), stage, flush=True)
    if stage == "done":
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(current, target)


main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
