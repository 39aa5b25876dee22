"""Google's Firestore emulator: from a Cloud SDK, from the cache of firebase-tools or ours, else downloaded."""

import os
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.fetch import Download, DownloadError, cache_directory, fetch, home
from local.program import ProgramError

MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
SYSTEM_PLACES = ("/usr/lib", "/usr/share", "/usr/local", "/opt", "/opt/homebrew/share")  # of google-cloud-sdk
FIRST_CLASS_FORMAT = 44  # a class file of format 44 + N needs Java N
# As firebase-tools 15.34.2 lists it (lib/emulator/downloadableEmulatorInfo.json).
OFFICIAL = Download(
    url="https://storage.googleapis.com/firebase-preview-drop/emulator/cloud-firestore-emulator-v1.22.0.jar",
    size=136707194,
    sha256="9b6498b7f62714d67f48f59b3818883cd682dbcd46b9f59511de81c97bb5166c",
)


@dataclass(frozen=True, slots=True)
class Emulator:
    """An emulator's jar file.

    Attributes:
        jar: the file.
        java_version: the oldest Java that runs it.
        arguments: what to give to Java to start it.
    """

    jar: Path
    java_version: int
    arguments: tuple[str, ...]


def find_emulator(official: Download = OFFICIAL) -> Emulator:
    """Return the first emulator found, else download one; raise ProgramError with what to install if that fails."""
    for jar in _installed_jars():
        emulator = _read_jar(jar)
        if emulator:
            return emulator
    try:
        emulator = _read_jar(fetch(official, cache_directory()))
        if emulator:
            return emulator
        problem = f"{official.url} is no emulator"
    except DownloadError as error:
        problem = str(error)
    raise ProgramError(
        f"no Firestore emulator here, and {problem}\nAny one of these gives it:\n"
        "  1. the Google Cloud SDK: gcloud components install cloud-firestore-emulator\n"
        "     (installed by apt: apt-get install google-cloud-cli-firestore-emulator)\n"
        "  2. firebase-tools: npx firebase-tools setup:emulators:firestore\n"
        f"  3. a download of {official.url}\n     to {cache_directory()}"
    )


def _installed_jars() -> Iterator[Path]:
    """Yield the jars of the Cloud SDKs, then those of firebase-tools' cache and of ours, newest version first."""
    for sdk in _sdks():
        yield sdk / "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
    firebase = Path(os.environ.get("FIREBASE_EMULATORS_PATH") or home() / ".cache/firebase/emulators")
    for directory in (firebase, cache_directory()):
        yield from sorted(directory.glob("cloud-firestore-emulator-v*.jar"), key=_version, reverse=True)


def _sdks() -> Iterator[Path]:
    """Yield the directories in which a Cloud SDK may be; gcloud knows its own, but takes a second to say so."""
    if root := os.environ.get("CLOUDSDK_ROOT_DIR"):
        yield Path(root)
    if gcloud := shutil.which("gcloud"):
        yield Path(gcloud).resolve().parent.parent
    for directory in (str(home()), *SYSTEM_PLACES):
        yield Path(directory) / "google-cloud-sdk"


def _version(jar: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", jar.name)]


def _read_jar(jar: Path) -> Emulator | None:
    """Return the emulator in a jar file, None if the file is missing or broken."""
    try:
        with zipfile.ZipFile(jar) as archive:
            manifest = archive.read("META-INF/MANIFEST.MF").decode()
            declared = re.search(r"^Main-Class: *(\S+)", manifest, re.MULTILINE)
            main_class = declared[1] if declared else MAIN_CLASS
            with archive.open(f"{main_class.replace('.', '/')}.class") as file:
                class_format = int.from_bytes(file.read(8)[6:])
    except FileNotFoundError:
        return None
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        print(f"{jar} is skipped, it is no Firestore emulator: {error}", file=sys.stderr)
        return None
    if declared:
        arguments: tuple[str, ...] = ("-jar", str(jar))
    else:
        arguments = ("-cp", str(jar), MAIN_CLASS, "start", "--database-mode=firestore-native")
    return Emulator(jar, class_format - FIRST_CLASS_FORMAT, arguments)
