"""The tests: a folder for each part of the repository, and the stand-ins for the cloud, its faults and its users."""
