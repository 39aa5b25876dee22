#!/usr/bin/env bash
# Runs every check and test, on a new machine too: makes the environment, installs what the tests need.
#
# Usage: ./test.sh [--long | --checks | --quick [PYTEST_ARGUMENT...] | PYTEST_ARGUMENT...]
#
# Without arguments: format, lint, types, ShellCheck and all tests; then the tests of numbers once more with each kind of
# OpenBLAS's kernels that this processor can run; then the function's tests (tests/analysis, tests/function) once more
# under each other of Python 3.12, 3.13 and 3.14 that is found here. The end sums up, and says what was skipped.
#
#   --long    the same, with more of what is random or endures; continuous integration runs this
#   --checks  only format, lint, types and ShellCheck, as at every commit
#   --quick   only tests that need no emulator, no browser and no other program; of combinations of values only as many
#             as show each value, and no hours of sound. It says what it left out: in about a minute on two idle cores
#
# Other arguments are pytest's: ./test.sh tests/analysis/test_upload.py -k numbers_may_be_strings is one test.
# System packages (shellcheck, ffmpeg, strace, chromium) are installed with apt-get where that is possible without asking;
# elsewhere they are named, and what needs them is skipped by name. Where CI=true, shellcheck has to be there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=local/environment.sh
source local/environment.sh

REQUIREMENTS=(requirements.txt local/requirements.txt page/requirements.txt tests/requirements.txt)
# Many tests wait for a process: three workers keep two cores busy, and the emulators of three fit into 8 GiB.
# A worker takes a file as a whole, so that what a file starts is started once; the folder that takes longest is first.
WORKERS=(-n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart=0)
# Of the quick run few tests wait: one worker more than there are cores, eight at most.
CORES=$(getconf _NPROCESSORS_ONLN)
QUICK=(--quick -n "$((CORES < 8 ? CORES + 1 : 8))" --dist worksteal --max-worker-restart=0)
LOCK_S=300 # a new machine begins with upgrades of its own, which hold the locks of apt-get
SKIPPED=() # what is named at the end
SUMMARY=()

main() {
  if asks_for_help "$@"; then
    print_help test.sh
    return
  fi
  local first python
  first=$(find_python)
  python=$(ensure_environment "$first" "${REQUIREMENTS[@]}")
  case ${1:-} in
    "") run_everything "$first" "$python" ;;
    --long)
      (($# == 1)) || usage "--long goes alone"
      run_everything "$first" "$python" --long
      ;;
    --checks)
      (($# == 1)) || usage "--checks goes alone"
      local status=0
      name_missing shellcheck || status=1
      check "$python" || status=1
      say_what_was_skipped
      return $status
      ;;
    --quick) exec "$python" -m pytest "${QUICK[@]}" "${@:2}" ;;
    *) exec "$python" -m pytest "$@" ;;
  esac
}

# usage PROBLEM: ends with one line that names the problem.
usage() {
  echo "test.sh: $1 (./test.sh --help tells more)" >&2
  exit 2
}

# run_everything FIRST PYTHON OPTION...: runs all parts under Python, the environment of FIRST, with options for pytest.
run_everything() {
  local first=$1 python=$2 other others kernel status=0
  shift 2
  logs=$(mktemp -d) # not local: the trap of EXIT comes after main
  trap 'wait; rm -rf "$logs"' EXIT # nothing remains running
  trap interrupt INT TERM HUP
  [[ ! -t 1 ]] || set -- "$@" --color=yes # what is logged too is no terminal to pytest
  ensure_packages shellcheck ffmpeg strace chromium
  name_missing shellcheck ffmpeg strace chromium || status=1
  others=$(other_pythons "$first")
  for other in $others; do
    start ensure_environment "$other" "${REQUIREMENTS[@]}" >/dev/null # made while the tests run
  done

  part "format, lint, types, shell" check "$python" || status=1
  part "all tests" "$python" -m pytest "${WORKERS[@]}" "$@" tests/endurance tests || status=1
  for kernel in $(kernels); do
    part "the numbers with $kernel's kernels" \
      env OPENBLAS_CORETYPE="$kernel" "$python" -m pytest "${QUICK[@]}" "$@" tests/analysis || status=1
  done
  for other in $others; do
    if ! python=$(ensure_environment "$other" "${REQUIREMENTS[@]}"); then
      SUMMARY+=("== the function under $other: FAILED, as its environment could not be made")
      status=1
      continue
    fi
    part "the function under ${python%/bin/python}" \
      "$python" -m pytest "${WORKERS[@]}" "$@" tests/analysis tests/function || status=1
  done

  printf '%s\n' "" "${SUMMARY[@]}"
  say_what_was_skipped
  return $status
}

# part NAME COMMAND...: runs a command, shows what it says, and keeps its failures and its last line for the summary.
part() {
  local log=$logs/${#SUMMARY[@]} result=passed line
  printf '\n%s\n' "== $1"
  start run_logged "$log" "${@:2}"
  wait "$!" || result=FAILED
  SUMMARY+=("== $1: $result")
  while IFS= read -r line; do
    SUMMARY+=("$line")
  done < <(sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -E '^(FAILED|ERROR) |^=+ .* in [0-9.]+s' || true)
  [[ $result == passed ]]
}

run_logged() {
  "${@:2}" 2>&1 | tee -i "$1"
}

# start COMMAND...: runs it beside, as a process group of its own, which `interrupt` can reach.
start() {
  set -m
  "$@" </dev/null &
  set +m
}

# interrupt: ends what runs as Ctrl-C does, and then this.
interrupt() {
  local group
  for group in $(jobs -p); do
    kill -INT -- "-$group" 2>/dev/null || true
  done
  exit 130 # the trap of EXIT waits
}

# check PYTHON: what needs no running: format, lint, types, shell.
check() {
  local status=0 # set -e does not hold where the caller asks for the status
  "$1" -m ruff format --check . || status=1
  "$1" -m ruff check . || status=1
  "$1" -m mypy || status=1
  if command -v shellcheck >/dev/null; then
    shellcheck -x ./*.sh local/*.sh .ci/run || status=1
  fi
  return $status
}

# name_missing PACKAGE...: says at the end which of them are not here; a missing shellcheck fails where CI=true.
name_missing() {
  local package
  for package in "$@"; do
    command -v "$package" >/dev/null || SKIPPED+=("what needs $package, which is not installed")
  done
  [[ ${CI:-} != true ]] || command -v shellcheck >/dev/null
}

say_what_was_skipped() {
  ((${#SKIPPED[@]} == 0)) || printf 'SKIPPED: %s\n' "${SKIPPED[@]}" >&2
}

# ensure_packages PACKAGE...: installs what is missing of them, where that is possible without asking. ffmpeg is the
# independent decoder that ours is compared with, strace shows what a decoder asks of the system, chromium looks at the
# page, and shellcheck reads these scripts.
ensure_packages() {
  local missing=() package sudo=()
  for package in "$@"; do
    command -v "$package" >/dev/null || missing+=("$package")
  done
  ((EUID == 0)) || sudo=(sudo -n)
  if ((${#missing[@]} == 0)) || ! command -v apt-get >/dev/null || ! "${sudo[@]}" true 2>/dev/null; then
    return 0
  fi
  update_package_lists "${sudo[@]}" || true # what is there may do
  for package in "${missing[@]}"; do
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get -qq -o DPkg::Lock::Timeout="$LOCK_S" \
      install --yes --no-install-recommends "$package" >/dev/null || true # it is named at the end
  done
}

# update_package_lists SUDO...: apt-get does not wait for the lock of the lists, whatever DPkg::Lock::Timeout says.
update_package_lists() {
  local said
  until said=$("$@" apt-get -qq update 2>&1 >/dev/null); do
    if [[ $said != *"Could not get lock"* ]] || ((SECONDS > LOCK_S)); then
      echo "$said" >&2
      return 1
    fi
    sleep 2
  done
}

# kernels: the kinds of OpenBLAS's kernels that this processor can run, each of which rounds in its own way.
kernels() {
  local flags
  flags=$(grep -m 1 ^flags /proc/cpuinfo 2>/dev/null || true)
  [[ " $flags " != *" avx2 "* ]] || echo Haswell Zen
  [[ " $flags " != *" avx512f "* ]] || echo SkylakeX
}

# other_pythons PYTHON: the pythons 3.12, 3.13 and 3.14 found here that are of another version than PYTHON.
other_pythons() {
  local candidate version seen
  seen=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  for version in 3.12 3.13 3.14; do
    [[ $version == "$seen" ]] && continue
    for candidate in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*/bin/python; do
      if "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
        command -v "$candidate"
        break
      fi
    done
  done
}

main "$@"
