#!/usr/bin/env bash
# Runs every check and test, on a new machine too: makes the environment, installs what the tests need.
#
# Usage: ./test.sh [--checks | PYTEST_ARGUMENT...]
#
# Without arguments: format, lint, types, ShellCheck, all tests, and the function's (tests/analysis, tests/function) once
# more under the other of Python 3.12 and 3.13, if it is found here.
# With --checks: only format, lint, types and ShellCheck, as at every commit.
# With other arguments: only pytest with them: ./test.sh tests/analysis tests/function is the quick run, and
# ./test.sh tests/analysis/test_upload.py -k numbers_may_be_strings is one test.
# System packages (shellcheck, ffmpeg, strace, chromium) are installed with apt-get where that is possible without asking;
# elsewhere they are named, and what needs them is skipped by name.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=local/environment.sh
source local/environment.sh

REQUIREMENTS=(requirements.txt local/requirements.txt page/requirements.txt tests/requirements.txt)
OF_THE_DOORS=(tests/{backfill,deploy,local,repository}) # they wait more than they compute, so they run beside the others

main() {
  if asks_for_help "$@"; then
    print_help test.sh
    return
  fi
  local first python other others doors status
  first=$(find_python)
  python=$(ensure_environment "$first" "${REQUIREMENTS[@]}")
  if [[ ${1:-} == --checks ]]; then
    check "$python"
    return
  fi
  if (($#)); then
    exec "$python" -m pytest "$@"
  fi
  ensure_system_packages
  others=$(other_pythons "$first")
  beside=$(mktemp) # not local: the trap of EXIT comes after main
  trap 'rm -f "$beside"; wait' EXIT # nothing remains running
  trap interrupt INT TERM HUP
  for other in $others; do
    start ensure_environment "$other" "${REQUIREMENTS[@]}" >/dev/null # made while the tests run
  done
  check "$python"
  start "$python" -m pytest "${OF_THE_DOORS[@]}" >"$beside" 2>&1
  doors=$!
  status=0
  "$python" -m pytest "${OF_THE_DOORS[@]/#/--ignore=}" || status=1
  for other in $others; do
    python=$(ensure_environment "$other" "${REQUIREMENTS[@]}")
    "$python" -m pytest tests/analysis tests/function || status=1
  done
  wait "$doors" || status=1
  cat "$beside"
  return $status
}

# start COMMAND...: runs it beside, as a process group of its own, which `interrupt` can reach.
start() {
  set -m
  "$@" </dev/null &
  set +m
}

# interrupt: ends what runs beside as Ctrl-C does, and then this; what runs before the eyes was ended by the same Ctrl-C.
interrupt() {
  local group
  for group in $(jobs -p); do
    kill -INT -- "-$group" 2>/dev/null || true
  done
  exit 130 # the trap of EXIT waits
}

# check PYTHON: what needs no running: format, lint, types, shell.
check() {
  "$1" -m ruff format --check .
  "$1" -m ruff check .
  "$1" -m mypy
  if command -v shellcheck >/dev/null; then
    shellcheck -x ./*.sh local/*.sh .ci/run
  else
    echo "SKIPPED: shellcheck is not installed" >&2
  fi
}

# ensure_system_packages: shellcheck checks these scripts, ffmpeg is the independent decoder that ours is compared with,
# strace shows what a decoder asks of the system, chromium looks at the page.
ensure_system_packages() {
  local missing=() package
  for package in shellcheck ffmpeg strace chromium; do
    command -v "$package" >/dev/null || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  local sudo=()
  ((EUID == 0)) || sudo=(sudo -n)
  if command -v apt-get >/dev/null && "${sudo[@]}" true 2>/dev/null; then
    "${sudo[@]}" apt-get -qq update >/dev/null
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get -qq install --yes --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "please install: ${missing[*]} (the tests that need them are skipped)" >&2
  fi
}

# other_pythons PYTHON: the pythons 3.12 and 3.13 found here that are of another version than PYTHON.
other_pythons() {
  local candidate version seen
  seen=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  for version in 3.12 3.13; do
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
