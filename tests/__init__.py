"""The tests: a folder for each part of the repository, and the fakes that play the cloud, its faults and its users."""
