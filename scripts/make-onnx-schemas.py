"""The standard operators of ONNX with their attributes, inputs and outputs: the fixture of test/model/import/onnx/strict.test.ts.

    pip install onnx==1.23.2
    python scripts/make-onnx-schemas.py test/model/import/fixtures/onnx-schemas.json
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

from onnx import defs

FIRST = 7

versions = defaultdict(list)
for schema in defs.get_all_schemas_with_history():
    if schema.domain == "":
        versions[schema.name].append(schema)

operators = []
for name, schemas in sorted(versions.items()):
    schemas.sort(key=lambda one: one.since_version)
    for schema, after in zip(schemas, [*schemas[1:], None]):
        is_used = after is None or after.since_version > FIRST
        if schema.deprecated or not is_used:
            continue
        operators.append(
            {
                "name": name,
                "opset": max(FIRST, schema.since_version),
                "attributes": {key: one.type.name for key, one in sorted(schema.attributes.items())},
                "inputs": min(schema.max_input, 8),
                "required": schema.min_input,
                "outputs": min(schema.max_output, 8),
            }
        )

result = {"newest": defs.onnx_opset_version(), "operators": operators}
lines = ",\n".join(f"    {json.dumps(one)}" for one in operators)
Path(sys.argv[1]).write_text(f'{{\n  "newest": {result["newest"]},\n  "operators": [\n{lines}\n  ]\n}}\n')
