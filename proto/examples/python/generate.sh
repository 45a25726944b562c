#!/bin/bash
# Generates Python code of the API into a folder, with Debian's protobuf-compiler and
# protobuf-compiler-grpc:
#
#   generate.sh OUT
set -euo pipefail
out=$(realpath -m "${1:?usage: generate.sh OUT}")
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.."

mkdir -p "$out"
protoc -I. --python_out="$out" --grpc_python_out="$out" \
  --plugin=protoc-gen-grpc_python="$(command -v grpc_python_plugin)" \
  dmgr/v1/*.proto google/api/field_behavior.proto google/rpc/*.proto
