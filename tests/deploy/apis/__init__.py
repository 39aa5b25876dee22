"""Google's APIs as far as deploy.sh uses them, played on this machine, with their state, for the real gcloud."""
