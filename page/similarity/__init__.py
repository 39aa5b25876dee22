"""What sounds alike, by the distance between two fingerprints."""
