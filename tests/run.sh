#!/usr/bin/env bash
# Sets up what the tests need and runs the whole suite. With --full (or FULL=1), the complete matrices instead of a sample.
set -uo pipefail
# shellcheck source=../.build/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../.build/setup.sh"

[ "${1:-}" = "--full" ] && FULL=1
export FULL="${FULL:-}"

require_dotnet
if command -v apt-get >/dev/null; then
  # PoCL and rusticl run kernels on the CPU, Oclgrind checks their memory accesses, clang compiles them for other vendors' devices.
  install_packages ocl-icd-libopencl1 pocl-opencl-icd mesa-opencl-icd oclgrind clang
else
  require_opencl
fi

results="$(mktemp -d)"
trap 'rm -rf "$results"' EXIT
passed=0 failed=0 skipped=0 broken=0

# The numbers of a finished run, from its result file: the attribute that is named.
count() {
  grep -o "<Counters [^>]*" "$2" | grep -o " $1=\"[0-9]*\"" | grep -o '[0-9]*'
}

dotnet build "$root/Kernels.sln" -c Release -v quiet -nologo || broken=1
for project in "$root"/tests/*.Tests/; do
  name="$(basename "$project")"
  began=$SECONDS
  dotnet test "$project" -c Release --no-build --nologo -v quiet --logger "trx;LogFileName=$results/$name.trx" || broken=1
  if [ ! -f "$results/$name.trx" ]; then
    printf '%s: no test ran\n' "$name"
    broken=1
    continue
  fi
  ran="$(count total "$results/$name.trx")"
  ok="$(count passed "$results/$name.trx")"
  bad="$(count failed "$results/$name.trx")"
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + ran - ok - bad))
  printf '%s: %d passed, %d failed, %d skipped in %d s\n' "$name" "$ok" "$bad" "$((ran - ok - bad))" "$((SECONDS - began))"
done

# A project that did not build, or that crashed before it could count, is a failure too.
if [ "$broken" -ne 0 ] && [ "$failed" -eq 0 ]; then
  failed=1
fi
total="$passed passed, $failed failed"
[ "$skipped" -gt 0 ] && total="$total, $skipped skipped"
printf '%s\n' "$total"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
