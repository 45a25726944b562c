#!/bin/bash
# Fails when clang-format would change a file.
set -euo pipefail
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.."

find server client common templates tests -name '*.cc' -print0 -o -name '*.h' -print0 |
  xargs -0 -n 20 -P 2 clang-format --dry-run -Werror --ferror-limit=5
