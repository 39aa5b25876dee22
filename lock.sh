#!/usr/bin/env bash
# Makes every lock, with one pinned uv: of each requirements.in the requirements.txt that is installed, with hashes.
#
# Usage: ./lock.sh [--check] [--upgrade]
#
# A lock keeps the versions it has for as long as they fit: that something newer was released changes nothing.
#
#   --check    change nothing, and tell which locks are stale: those that ./lock.sh would change
#   --upgrade  take the newest versions that fit what the requirements.in pin
#   --help     this text
#
# All locks are made aside before one is changed: a failure leaves them as they were.
# Packages are looked up where uv looks them up (PyPI, or what its variables say); no lock names the place.
#
# Exit codes: 0 the locks are made, or fresh; 1 --check found stale ones; 2 wrong usage; 3 a lock could not be made.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=local/environment.sh
source local/environment.sh

# Each is what it is made of, then the locks above it whose versions it keeps to. Another requirements.in is another line.
LOCKS=(
  "requirements.in"
  "local/requirements.in requirements.txt"
  "page/requirements.in requirements.txt"
  "tests/requirements.in requirements.txt local/requirements.txt page/requirements.txt"
  "bench/requirements.in requirements.txt"
  "local/java-requirements.in"
  "local/uv-requirements.in"
)
# uv writes its command into the lock, where the update bot reads it: the bot knows long options with an equals sign.
OPTIONS=(--universal --python-version=3.12 --generate-hashes)

main() {
  if asks_for_help "$@"; then
    print_help lock.sh
    return
  fi
  local check=false options=("${OPTIONS[@]}") argument python uv line status=0
  for argument in "$@"; do
    case $argument in
      --check) check=true ;;
      --upgrade) options+=(--upgrade) ;;
      *)
        echo "lock.sh: unknown argument: $argument (./lock.sh --help tells more)" >&2
        return 2
        ;;
    esac
  done
  python=$(find_python) || return 3
  uv=$PWD/$(ensure_environment_in .venv/uv "$python" local/uv-requirements.txt) || return 3
  export UV_PYTHON=$python UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-true} # as pip does
  aside=$(mktemp -d) # not local: the trap of EXIT comes after main
  trap 'rm -rf "$aside"' EXIT
  for line in "${LOCKS[@]}"; do
    # shellcheck disable=SC2086 # a line is several words
    make_aside $line || return 3
  done
  for line in "${LOCKS[@]}"; do
    settle "$(lock_of "${line%% *}")" || status=1
  done
  return $status
}

# lock_of REQUIREMENTS_IN: the name of its lock.
lock_of() {
  echo "${1%.in}.txt"
}

# make_aside REQUIREMENTS_IN LOCK...: makes its lock in $aside, from the one that is there, within the others' versions.
make_aside() {
  local source=$1 lock
  lock=$(lock_of "$1")
  shift
  mkdir -p "$aside/$(dirname "$lock")" && cp "$source" "$aside/$source" || return
  if [[ -e $lock ]]; then
    cp "$lock" "$aside/$lock" || return
  fi
  (cd "$aside" && "${uv%/python}/uv" --quiet pip compile "${options[@]}" "${@/#/--constraints=}" \
    --output-file="$lock" "$source")
}

# settle LOCK: puts what was made aside into its place or, if that is only to be checked, fails where it differs.
settle() {
  if cmp -s "$aside/$1" "$1"; then
    echo "fresh: $1"
  elif $check; then
    echo "stale: $1"
    return 1
  else
    cp "$aside/$1" "$1"
    echo "made:  $1"
  fi
}

main "$@"
