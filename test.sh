#!/usr/bin/env bash
# Runs every check and test, on a new machine too: makes the environment, installs what the tests need.
#
# Usage: ./test.sh [PYTEST_ARGUMENT...]
#
# Without arguments: format, lint, types, ShellCheck, then all tests under each of Python 3.12 and 3.13 found here.
# With arguments: only pytest with them, under the first of these, e.g. ./test.sh tests/test_upload.py -k shapes
# System packages (shellcheck, ffmpeg) are installed with apt-get where that is possible without asking;
# elsewhere they are named, and what needs them is skipped by name.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=local/environment.sh
source local/environment.sh

main() {
  if [[ ${1:-} == --help || ${1:-} == -h ]]; then
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
    return
  fi
  local python first
  first=$(find_python)
  python=$(ensure_environment "$first" requirements.txt local/requirements.txt tests/requirements.txt)
  if (($#)); then
    exec "$python" -m pytest "$@"
  fi
  ensure_system_packages
  check "$python"
  "$python" -m pytest
  for other in $(other_pythons "$first"); do
    python=$(ensure_environment "$other" requirements.txt local/requirements.txt tests/requirements.txt)
    "$python" -m pytest
  done
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

# ensure_system_packages: shellcheck checks these scripts; ffmpeg is the independent decoder that ours is compared with.
ensure_system_packages() {
  local missing=()
  command -v shellcheck >/dev/null || missing+=(shellcheck)
  command -v ffmpeg >/dev/null || missing+=(ffmpeg)
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
