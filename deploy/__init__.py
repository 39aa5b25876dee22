"""The steps behind deploy.sh: from an empty project to a working trigger, by gcloud alone, reading before changing."""
