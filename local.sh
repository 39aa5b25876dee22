#!/usr/bin/env bash
# Runs the whole cloud side on this laptop: a bucket, the function and its Firestore, all real, from one command.
#
# Usage: ./local.sh [OPTION...] [FILE...]
#
# With files: uploads them, prints the outcome of each, and ends. A directory is all files below it.
# Without: stays up, with a page to see, hear and drop sounds; prints commands that upload with gsutil, gcloud, curl or
# Python, and the outcome of each upload.
#
#   --json                     one JSON document per sound or rejection, a line each, and nothing else on stdout
#   --generation 1|2           serve the function as a 1st-gen (default) or a 2nd-gen one is served
#   --shape SHAPE              deliver events as legacy (default of 1), flat, binary (default of 2) or structured
#   --twice                    deliver every event twice, as the cloud now and then does
#   --forget                   forget what is deleted or overwritten: a second function removes its document
#   --keep DIR                 keep the bucket in this directory between runs; the database is always empty at first
#   --page-port PORT           where the page listens; without it, as for all ports, a free one
#   --storage-port PORT        where storage listens
#   --storage-https-port PORT  where storage listens for https, for gsutil
#   --firestore-port PORT      where Firestore listens
#   --function-port PORT       where the function listens
#   --help                     this text
#
# The function's own settings (such as MAX_BYTES or EXCLUDE_NAMES) are taken from the environment.
# The first run makes the environment in .venv; nothing else is installed, and nothing runs on at the end.
#
# Exit codes: 0 every file became a sound, or Ctrl-C ended a stack that stayed up; 1 a file was rejected, skipped or
# failed, or a part of the stack ended; 2 wrong usage; 130, 143 or 129 ended by Ctrl-C, SIGTERM or a closed terminal.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=local/environment.sh
source "$root/local/environment.sh"

main() {
  if asks_for_help "$@"; then
    print_help "$root/local.sh"
    return
  fi
  local python
  python=$(cd "$root" && find_python)
  export PYTHONPATH=$root # the files are named from where the user is, so the directory stays
  "$python" -P -m local.command_line "$@"
  python=$root/$(cd "$root" && ensure_environment "$python" requirements.txt local/requirements.txt page/requirements.txt)
  exec "$python" -P -m local "$@" </dev/null
}

main "$@"
