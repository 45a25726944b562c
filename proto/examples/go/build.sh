#!/bin/bash
# Generates Go code of the API and builds the example, all in a folder of its own:
#
#   build.sh OUT        makes OUT/operate, and OUT/gen with the code
#
# Needs protoc (Debian's protobuf-compiler) and Go 1.21 or newer, which fetches the plugins and modules.
set -euo pipefail
out=$(realpath -m "${1:?usage: build.sh OUT}")
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")

mkdir -p "$out"
cp "$here"/*.go "$here"/go.mod "$here"/go.sum "$out"
export GOBIN=$out/bin
go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.34.2
go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.4.0

module=dmgr.example/operate
googleapis=google.golang.org/genproto/googleapis
cd "$here/../.."
packages=()
for file in dmgr/v1/*.proto; do
  packages+=("M$file=$module/gen/dmgr/v1;dmgrv1")
done
# Go has packages of these.
packages+=("Mgoogle/api/field_behavior.proto=$googleapis/api/annotations"
  "Mgoogle/rpc/status.proto=$googleapis/rpc/status"
  "Mgoogle/rpc/error_details.proto=$googleapis/rpc/errdetails")
PATH=$GOBIN:$PATH protoc -I. \
  --go_out="$out" --go_opt=module=$module "${packages[@]/#/--go_opt=}" \
  --go-grpc_out="$out" --go-grpc_opt=module=$module "${packages[@]/#/--go-grpc_opt=}" \
  dmgr/v1/*.proto

cd "$out"
go vet .
go build -o operate .
