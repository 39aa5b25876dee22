"""How long the tests of each folder took, at the end of a run."""

from collections import Counter

import pytest


class FolderTimes:
    """Adds up what each test took: its fixtures, itself, and the end of its fixtures."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a part of a test; under pytest-xdist all are reported to the first process."""
        folder = "/".join(report.nodeid.split("::")[0].split("/")[:2])
        self.seconds[folder] += report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print a line for all folders."""
        if not self.seconds:
            return
        times = ", ".join(f"{folder} {seconds:.0f}" for folder, seconds in self.seconds.most_common())
        terminalreporter.write_line(f"seconds by folder: {times}")


def pytest_configure(config: pytest.Config) -> None:
    """Add up the times of this run."""
    config.pluginmanager.register(FolderTimes())
