#!/bin/bash
# Fails when a script cannot be parsed or started, or when shellcheck finds fault with it.
set -euo pipefail
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.."

status=0
while IFS= read -r -d '' script; do
  case $(head -c 40 "$script" | head -n 1) in
    '#!/bin/bash' | '# shellcheck shell=bash') bash -n "$script" && shellcheck "$script" || status=1 ;;
    '#!/usr/bin/env python3')
      python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$script" ||
        status=1
      ;;
    *) echo "$script: an unknown kind of script" >&2 && status=1 ;;
  esac
  if [[ $(head -c 2 "$script") == '#!' && ! -x $script ]]; then
    echo "$script: is not executable" >&2
    status=1
  fi
done < <(find .ci/run deploy proto tests \( -path .ci/run -o -name '*.sh' -o -name '*.py' \) -print0)
exit "$status"
