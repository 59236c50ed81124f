#!/usr/bin/env bash
# Sets up what the tests need, builds everything and runs all tests; closes with "N passed, N failed".
#   bash tests/run.sh                   the whole suite, its matrices sampled
#   bash tests/run.sh --quick           less than two minutes of it once all is built: no slow tests, and few cases on the device
#   bash tests/run.sh --full            the full matrices (hours); the same as FULL=1. On rusticl, which would take weeks for all of
#                                       them, the short cases only: 40 % of the product of the axes, with every spec of it.
#   bash tests/run.sh Kernels.Tests     only the projects that are named
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../.build/setup.sh
. "$root/.build/setup.sh"
cd "$root" || exit 1

chosen=() quick=""
for argument in "$@"; do
  case $argument in
    --full) export FULL=1 ;;
    --quick) quick=yes ;;
    -*) fail "Unknown option $argument; see the top of tests/run.sh." ;;
    *) chosen+=("$argument") ;;
  esac
done

passed=0 failed=0 skipped=0
times=""
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# A driver or tool that cannot be had is no failure here: the tests that need it are reported as skipped.
set_up() {
  has_driver pocl || install_driver "an OpenCL device of the CPU to test on" pocl-opencl-icd
  [ -z "$quick" ] || return 0
  has_driver rusticl || install_driver "a second OpenCL implementation to test on" mesa-opencl-icd
  command -v oclgrind >/dev/null || install_packages "finds races and uninitialised reads in kernels" oclgrind
  compgen -c clang | grep -qxE 'clang(-[0-9]+)?' || install_packages "compiles kernels for amdgcn and spir64" clang
}

is_chosen() {
  local name
  [ ${#chosen[@]} -eq 0 ] && return 0
  for name in "${chosen[@]}"; do
    [ "$name" = "$1" ] && return 0
  done

  return 1
}

# is_slow NAME: whether --quick leaves a project out.
is_slow() {
  case $1 in
    Decoders.Tests | Kernels.Benchmarks.Tests | Kernels.Conformance.Tests | Kernels.Decoding.Tests | Kernels.Package.Tests | Kernels.Serving.Tests) return 0 ;;
    *) return 1 ;;
  esac
}

# set_filter NAME: makes "filter" an argument that leaves a project's slow tests out, with --quick.
set_filter() {
  local left_out=()
  filter=()
  [ -n "$quick" ] || return 0
  case $1 in
    Kernels.Generators.Tests) left_out=(BrokenProgramTests TypeShapeTests A_pages_example EmittedTextTests) ;;
    Kernels.Mods.Tests) left_out=(PropertyTests RefusalTests) ;;
    Kernels.OpenCL.Tests) left_out=(SignalTests) ;;
    *) return 0 ;;
  esac

  filter=(--filter "$(printf '&FullyQualifiedName!~%s' "${left_out[@]}" | cut -c 2-)")
}

# count NAME FILE: reads a counter of a test run's result file.
count() {
  local value
  value=$(sed -n "s/.*<Counters [^>]*\b$1=\"\([0-9]*\)\".*/\1/p" "$2" 2>/dev/null | head -n 1)
  printf '%s' "${value:-0}"
}

# print_skips FILE: the tests that a result file has as skipped, each with its reason.
print_skips() {
  awk 'BEGIN { RS = "</UnitTestResult>" }
    match($0, /<UnitTestResult [^>]*outcome="NotExecuted"/) {
      name = $0; sub(/.* testName="/, "", name); sub(/".*/, "", name)
      reason = "no reason given"
      if ($0 ~ /<Message>/) { reason = $0; sub(/.*<Message>/, "", reason); sub(/<\/Message>.*/, "", reason) }
      print "  skipped: " name ": " reason
    }' "$1"
}

# add_result NAME SECONDS PASSED FAILED SKIPPED
add_result() {
  passed=$((passed + $3)) failed=$((failed + $4)) skipped=$((skipped + $5))
  times+=$(printf '%-34s %5d s  %5d passed, %d failed, %d skipped' "$@")$'\n'
}

# run_project NAME: runs the tests of tests/NAME. A project that does not build, crashes or has no test counts as one failure.
run_project() {
  local name=$1 file="$results/$1.trx" begin=$SECONDS status=0 total ok bad
  printf '\n%s\n' "$name"
  set_filter "$name"
  dotnet test "tests/$name" --configuration Release --verbosity quiet -nologo "${no_build[@]}" "${filter[@]}" \
    --logger "console;verbosity=minimal" --logger "trx;LogFileName=$file" --results-directory "$results" \
    --blame-hang-timeout 20m --blame-hang-dump-type none || status=$?
  total=$(count total "$file") ok=$(count passed "$file") bad=$(count failed "$file")
  if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$total" -eq 0 ]; }; then
    echo "$name: failed without a failed test (exit status $status, $total tests)."
    bad=1 total=$((total + 1))
  fi

  [ ! -f "$file" ] || print_skips "$file"
  add_result "$name" $((SECONDS - begin)) "$ok" "$bad" $((total - ok - bad))
}

# run_conformance NAME VARIABLE=VALUE... -- ARGUMENT...: the conformance program; its last line counts.
run_conformance() {
  local name=$1 begin=$SECONDS status=0 variables=() ok bad
  shift
  while [ "$1" != -- ]; do
    variables+=("$1")
    shift
  done

  shift
  printf '\n%s\n' "$name"
  env "${variables[@]}" dotnet run --project tests/Kernels.Conformance --configuration Release "${no_build[@]}" -- "$@" | tee "$results/output" || status=$?
  ok=$(sed -n 's/^\([0-9]*\) passed, [0-9]* failed$/\1/p' "$results/output" | tail -n 1)
  bad=$(sed -n 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p' "$results/output" | tail -n 1)
  if [ "${bad:-0}" -eq 0 ] && { [ "$status" -ne 0 ] || [ "${ok:-0}" -eq 0 ]; }; then
    bad=1
  fi

  add_result "$name" $((SECONDS - begin)) "${ok:-0}" "${bad:-0}" 0
}

# run_command NAME COMMAND...: a command that must exit with 0, as one test.
run_command() {
  local name=$1 begin=$SECONDS
  shift
  printf '\n%s\n' "$name"
  if "$@" >"$results/output" 2>&1; then
    add_result "$name" $((SECONDS - begin)) 1 0 0
  else
    cat "$results/output"
    add_result "$name" $((SECONDS - begin)) 0 1 0
  fi
}

require_dotnet
set_up

begin=$SECONDS
no_build=(--no-build)
if dotnet build Kernels.sln --configuration Release --verbosity quiet -nologo; then
  add_result "build" $((SECONDS - begin)) 0 0 0
else
  echo "The solution does not build; the projects that do are tested all the same."
  no_build=()
  add_result "build" $((SECONDS - begin)) 0 1 0
fi

for folder in tests/*.Tests; do
  name=$(basename "$folder")
  if is_chosen "$name" && { [ -z "$quick" ] || ! is_slow "$name"; }; then
    run_project "$name"
  fi
done

if [ ${#chosen[@]} -eq 0 ]; then
  run_command "examples/QuickStart" dotnet run --project examples/QuickStart --configuration Release
  if [ -n "$quick" ]; then
    run_conformance "conformance: a few shapes" -- --axes --count 4
    run_conformance "conformance: mods" -- --features --filter "mods"
  else
    run_command "examples/run.sh" bash examples/run.sh --tokens 40
  fi
fi

if [ -n "${FULL:-}" ]; then
  run_conformance "full matrix: default device" -- --full
  run_conformance "full matrix: portable" -- --full --target Portable
  if has_driver rusticl; then
    # llvmpipe calculates a work-group on one thread.
    run_conformance "full matrix: rusticl, short cases" RUSTICL_ENABLE=llvmpipe -- --full --device llvmpipe --work 1e7
    run_conformance "full matrix: rusticl, portable, short cases" RUSTICL_ENABLE=llvmpipe -- --full --device llvmpipe --target Portable --work 1e7
  fi
fi

printf '\n%s\n' "$times"
[ "$skipped" -eq 0 ] || echo "$skipped skipped, for the reasons above"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
