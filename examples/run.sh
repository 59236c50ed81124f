#!/usr/bin/env bash
# Writes a story with the small language model in Decoders/checkpoints, on this machine's OpenCL device. A machine
# without one gets PoCL, an OpenCL driver for CPUs. Arguments are passed on to the program's "generate":
#   bash examples/run.sh --prompt "One morning Leo" --tokens 200 --temperature 0.8
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../.build/setup.sh
. "$root/.build/setup.sh"

decoders() {
  dotnet run --project "$root/examples/Decoders" --configuration Release --no-build -- "$@"
}

# add_default OPTION VALUE: adds an option that is not among the arguments.
add_default() {
  local argument
  for argument in "${arguments[@]}"; do
    case $argument in
      "$1" | "$1="* | "$1:"*) return ;;
    esac
  done

  arguments+=("$@")
}

require_dotnet
say "Building the examples."
dotnet build "$root/examples/Decoders" --configuration Release --verbosity quiet -nologo >&2

if ! decoders devices >/dev/null 2>&1; then
  install_driver "this machine has no OpenCL device; PoCL makes one of its CPU" pocl-opencl-icd || true
fi

arguments=("$@")
add_default --model "$root/examples/Decoders/checkpoints/stories-gqa"
add_default --prompt "One morning Mia ran to the market with a small duck."
add_default --tokens 200
decoders generate "${arguments[@]}"
