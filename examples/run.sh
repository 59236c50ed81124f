#!/usr/bin/env bash
# Builds the attention kernels and writes a story with the checkpoint that comes with the examples. Arguments go to `generate`:
#   bash examples/run.sh --prompt "The fox" --tokens 100 --temperature 0.8
set -euo pipefail
# shellcheck source=../.build/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../.build/setup.sh"

require_dotnet
require_opencl
dotnet build "$root/examples/Decoders" -c Release -v quiet -nologo
arguments=("$@")
if [ "${#arguments[@]}" -eq 0 ]; then
  arguments=(--prompt "One morning Ruth" --tokens 200)
fi
# The checkpoint comes first, so that a --model among the arguments is taken instead.
case " ${arguments[*]} " in
  *" --model "*) ;;
  *) arguments=(--model "$root/examples/Decoders/checkpoints/stories-gqa" "${arguments[@]}") ;;
esac
dotnet run --project "$root/examples/Decoders" -c Release --no-build -- generate "${arguments[@]}"
