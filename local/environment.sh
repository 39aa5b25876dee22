# shellcheck shell=bash
# Sourced by the scripts at the top: prints their help, finds a Python, makes the locked environment.

# asks_for_help ARGUMENT...: succeeds if one of the arguments, up to a `--`, is --help or -h.
asks_for_help() {
  local argument
  for argument; do
    case $argument in
      --help | -h) return 0 ;;
      --) return 1 ;;
    esac
  done
  return 1
}

# print_help SCRIPT: prints the comment at the top of a script, which is its help.
print_help() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$1"
}

# find_python: prints the first Python that the function runs on (3.12 or newer); none is an error with the way out.
find_python() {
  local candidate
  for candidate in python3 python3.12 python3.13 python3.14 python; do
    # its own path: pyenv's shim of the same name is another Python in another directory
    "$candidate" -c 'import sys, venv, ensurepip; sys.version_info < (3, 12) and sys.exit(1); print(sys.executable)' \
      2>/dev/null && return
  done
  echo "no Python 3.12, 3.13 or 3.14 with venv found: install one (Debian/Ubuntu: apt install python3-venv;" \
    "macOS: brew install python@3.13; any system: https://www.python.org/downloads/)" >&2
  return 1
}

# ensure_environment PYTHON REQUIREMENTS...: prints the path of a virtual environment's python that has them installed.
# One environment per Python version below .venv.
ensure_environment() {
  local version
  version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || return
  ensure_environment_in ".venv/$version" "$@"
}

# ensure_environment_in DIRECTORY PYTHON REQUIREMENTS...: the same in this directory below .venv. A locked file that was
# installed before is not read again. One whose making was ended, whatever by, lacks the mark `whole` and is made anew.
ensure_environment_in() {
  local directory=$1 python=$2 stamp file
  shift 2
  local quiet=(--quiet)
  [[ -t 2 ]] && quiet=(--progress-bar=on)
  # Two first runs at once must not disturb each other: the lock is that of the open file, so it ends with this shell.
  mkdir -p .venv
  exec 9>"$directory.lock"
  "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' || return
  if [[ ! -e $directory/whole ]] || ! "$directory/bin/python" -c '' 2>/dev/null; then
    echo "making the environment $directory" >&2
    "$python" -m venv --clear "$directory" >&2 || return # here and below, as set -e does not hold within $(...)
  fi
  for file in "$@"; do
    stamp=$directory/installed-${file//\//-}-$(cksum <"$file" | tr ' ' -)
    [[ -e $stamp ]] && continue
    echo "installing $file into $directory (once; a minute or two)" >&2
    rm -f "$directory/whole"
    "$directory/bin/python" -m pip install "${quiet[@]}" --disable-pip-version-check --require-hashes \
      --requirement "$file" >&2 || return
    touch "$stamp"
  done
  touch "$directory/whole"
  exec 9>&-
  echo "$directory/bin/python"
}
