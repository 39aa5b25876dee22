#!/usr/bin/env bash
# Sets up everything that one bucket of sounds needs: from an empty project to a working trigger in one command.
#
# Usage: ./deploy.sh --project P --bucket B [--region R] [--generation 1|2] [--name N] [--memory M] [--max-instances N]
#                    [--features LIST] [--forget] [--notify EMAIL] [--no-proof] [--dry-run]
#        ./deploy.sh --project P --bucket B [the same options] --check [--json]
#        ./deploy.sh --project P --bucket B [--region R] [--name N] --prove
#        ./deploy.sh --project P --bucket B [--region R] [--name N] --delete [--yes] [--dry-run]
#
# Enables the APIs, makes the bucket, the Firestore database and its vector index, service accounts of its own with
# the least rights that work, and deploys the function so that every sound put into the bucket becomes a document.
# It ends with a proof: a sound of one second goes the whole way, is found by its fingerprint, and is removed again.
# It reads before it changes. Run again it changes nothing; run again with another setting it changes that.
#
#   --project P       the project, which has billing
#   --bucket B        the bucket; made if it does not exist
#   --region R        where the function runs [where the bucket is; us-central1 if there is no bucket yet]
#   --generation 1|2  the generation of Cloud Functions; 1 is for projects that have such functions already [2]
#   --name N          the function's name; its service accounts are called N-run and N-build [analyze]
#   --memory M        512MiB, 1GiB, 2GiB, 4GiB or 8GiB; it bounds the size of an upload (MAX_BYTES), because
#                     the file is held in memory [2GiB]
#   --max-instances N how many may run at once; it bounds the bill, and Cloud Run's quota has to cover it [10, or what
#                     a new project's quota of 20 vCPU and 40 GiB covers: 5 with 8GiB]
#   --features LIST   librosa's features whose means the documents are to hold, such as rms,mfcc:20, or '' for none; left
#                     as they are where it is not said [none]
#   --forget          a second function, NAME-forget, removes the document of what is deleted or overwritten, and each
#                     object is looked for once more when its document is written: a read more for each sound; left as
#                     it is where it is not said again, and removed by --delete
#   --notify EMAIL    alerts by e-mail: errors, sounds that were given up, a nightly backfill that failed or did not run;
#                     left as they are where it is not said again, and removed by --delete
#   --check           change nothing, and say what would keep a deployment from succeeding and what to do about it;
#                     exits with 3 if something would, with 0 if nothing would or it cannot be known
#   --json            what --check finds, as one JSON object
#   --prove           the proof alone; exits with 1 and says which step did not happen, what the log says and what to do
#   --no-proof        deploy without it
#   --dry-run         print the commands instead of running them, and change nothing; without access to the project
#                     they are those for an empty one
#   --delete          remove what this made, except the bucket and the data, and say what is left; asks first
#   --yes             do not ask
#   --help            this text
#
# Needs gcloud, signed in (gcloud auth login), and a Python from 3.12.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=local/environment.sh
source local/environment.sh

main() {
  if asks_for_help "$@"; then
    print_help deploy.sh
    return
  fi
  local python
  python=$(find_python)
  exec "$python" -m deploy "$@"
}

main "$@"
