"""The tests: a folder for each part of the house, and what plays the cloud, its faults and its users' sounds."""
