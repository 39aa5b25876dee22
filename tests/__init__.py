"""The tests: a folder for each part of the repository, and the fakes that play the cloud, its faults and its users."""

import analysis  # noqa: F401  it sets what numpy reads from the environment when it is imported, as for the function
