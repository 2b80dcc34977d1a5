"""Runs every <name>.onnx of a folder by onnxruntime on <name>.input.npy and writes <name>.output.npy."""

import sys
from pathlib import Path

import numpy
import onnxruntime

for path in sorted(Path(sys.argv[1]).glob("*.onnx")):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (value,) = session.get_inputs()
    output = session.run(None, {value.name: numpy.load(path.with_suffix(".input.npy"))})[0]
    numpy.save(path.with_suffix(".output.npy"), output)
