#!/usr/bin/env bash
# Brings bucket and collection into agreement: what the trigger would have written for every object that is there.
#
# Usage: ./backfill.sh --project P --bucket B [--prefix X] [--stale] [--rejected [REASON]] [--prune] [--grace S]
#                      [--dry-run] [--json] [--here | --tasks N] [--schedule CRON] [--name FUNCTION | --defaults]
#                      [--yes]
#
# It compares first: every live object of the bucket with the sounds and rejections in the collections. It says what is
# missing, stale (of an older analysis version, or without what FEATURES asks for) and gone (a document without its
# object), what it is going to do, how long that takes and what it costs, and asks. Then it analyses each object as the
# function does. So it may run beside the live trigger, be stopped at any time, and be run again.
#
#   --project P          the project
#   --bucket B           the bucket
#   --prefix X           only objects and documents whose names begin so
#   --stale              analyse again the objects whose sound is of an older analysis version, or lacks what the
#                        setting FEATURES asks for
#   --rejected [REASON]  analyse again the objects that were rejected, for this reason or any
#   --prune              remove documents whose object is no longer there
#   --grace S            an object without a document that is younger than S seconds is pending: the trigger may be at
#                        it, so it is neither work nor a failure; the local stack is quick, so say 0 there [900]
#   --dry-run            only compare and say what there is to do; with --tasks or --schedule print the commands too
#   --json               print the summary as one JSON object, the last line of stdout: objects, sounds, rejections,
#                        skipped, pending, missing, stale, gone, failed, unreadable, bytes
#   --here               do the work on this machine, with a process per core (default)
#   --tasks N            do the work in the cloud, by a Cloud Run job of N tasks; this machine may be switched off
#                        meanwhile, and Ctrl-C ends only the waiting
#   --schedule CRON      have the work done from now on, and not at once, by a job with one task, or N with --tasks N;
#                        '0 3 * * *' is every night at three (UTC), and once an hour is the most; an execution that
#                        meets an earlier one which still runs ends
#   --name FUNCTION      name of the function, whose settings, account and limits the run has [analyze]
#   --defaults           the settings are those of the environment and else the defaults, whatever a function has
#   --yes                do not ask
#   --help               this text
#
# The settings (such as MAX_BYTES or EXCLUDE_NAMES) are those of the deployed function, for which gcloud is asked; where it
# cannot tell them, nothing is done. Variables of the environment take precedence, and a line says which. What failed is
# listed in backfill-failed-*.jsonl, or in the job's log. STORAGE_EMULATOR_HOST and FIRESTORE_EMULATOR_HOST are honoured,
# so it runs on the local stack too, with the settings of the environment.
# --tasks and --schedule need gcloud, signed in (gcloud auth login); ./deploy.sh --delete removes what they make.
#
# An object that fails three times while others succeed is rejected as `failed`, so the next run ends with 0. Documents
# that are not ours or not whole, or that a newer version wrote, are named as unreadable and left as they are.
#
# Exit codes: 0 everything that was asked for is done, or, after a dry run, bucket and collection agree; 1 something
# failed; 2 wrong usage; 3 a dry run found something to do; 130 Ctrl-C ended it, or the waiting for the job; 143, 129 or
# 131 SIGTERM, a closed terminal or SIGQUIT ended it. The summary is printed then too, of what was done until then.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=local/environment.sh
source "$root/local/environment.sh"

main() {
  if asks_for_help "$@"; then
    print_help "$root/backfill.sh"
    return
  fi
  local python
  python=$(cd "$root" && find_python)
  export PYTHONPATH=$root # failures are listed where the user is, so the directory stays
  "$python" -P -m backfill.request "$@"
  python=$root/$(cd "$root" && ensure_environment "$python" requirements.txt)
  exec "$python" -P -m backfill "$@"
}

main "$@"
