#!/bin/sh
# Writes constraints.txt and function/requirements.txt anew, from pyproject.toml. `make lock` runs it.
set -eu
PATH=$PWD/.venv/bin:$PATH

resolve() {
    uv pip compile --quiet --universal --upgrade --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links "$@"
}

resolve --python-version 3.11 --all-extras --no-emit-package artline \
    --output-file constraints.txt pyproject.toml

# What the function runs and nothing else: an extra would carry the client's dependencies along.
python - <<'END' | resolve --python-version 3.13 --generate-hashes --constraint constraints.txt \
    --output-file function/requirements.txt -
import tomllib

with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["project"]["optional-dependencies"]["function"], sep="\n")
END
