#!/usr/bin/env bash
# Serves a page over the sounds of one bucket: look at them, play them, and find those that sound alike.
#
# Usage: ./page.sh --project P --bucket B [--port N] [--host ADDRESS]
#        ./page.sh --project P --bucket B export FILE
#        ./page.sh --project P --bucket B similar FILE [--json]
#        ./page.sh --project P --bucket B --forget-catalog
#
# It reads with your own credentials (gcloud auth application-default login) and changes nothing.
# The first time it copies the collection to a catalog on this machine, one read for each document, and answers from
# there; docs/page.md says what that costs.
#
#   --project P     the project of the bucket and its database
#   --bucket B      the bucket: the only one whose files are played, whatever a document says
#   --port N        where it listens [8080]
#   --host ADDRESS  listen there instead of on this machine alone: everybody who reaches that address then sees and
#                   hears all sounds, with your rights and at your cost, without a password [127.0.0.1]
#   --yes           fill the catalog also where that is more than 50 000 reads, which it says first
#   --forget-catalog  remove the catalog of this bucket instead
#   export FILE     write the whole collection to FILE.csv or FILE.parquet instead, one read for each sound
#   similar FILE    list the ten sounds that are most like the sound in FILE instead, of which nothing is stored; the
#                   catalog is filled first; --json prints what the page's similar.json answers
#   --help          this text
#
# SOUNDS_COLLECTION, REJECTIONS_COLLECTION and FIRESTORE_DATABASE say where the documents are, as for the function.
# The first run makes the environment in .venv.
# Exit codes: 0 ended by Ctrl-C, exported or listed; 1 it failed, or FILE is no sound; 2 wrong usage.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=local/environment.sh
source "$root/local/environment.sh"

main() {
  if asks_for_help "$@"; then
    print_help "$root/page.sh"
    return
  fi
  local python
  python=$(cd "$root" && find_python)
  export PYTHONPATH=$root # FILE is named from where the user is, so the directory stays
  "$python" -P -m page.arguments "$@"
  python=$root/$(cd "$root" && ensure_environment "$python" requirements.txt page/requirements.txt)
  exec "$python" -P -m page "$@"
}

main "$@"
