"""The backfill as a Cloud Run job. No task of the job has this folder, so none makes tasks."""
