"""Writes the vestibule.toml of each manifest beside it, and says where."""

import sys

import yaml

for path in sys.argv[1:]:
    with open(path) as manifests:
        found = [
            manifest["data"]["vestibule.toml"]
            for manifest in yaml.safe_load_all(manifests)
            if manifest["kind"] == "ConfigMap"
        ]
    if len(found) != 1:
        sys.exit(f"{path} holds {len(found)} configurations")
    with open(f"{path}.toml", "w") as text:
        text.write(found[0])
    print(f"{path}.toml")
