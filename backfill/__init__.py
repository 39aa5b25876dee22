"""Bucket and collection brought into agreement: what the trigger would have written for every object that is there."""
