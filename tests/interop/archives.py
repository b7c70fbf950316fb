"""Writes archives of ISD-Lite by GNU tar, bsdtar, Python's tarfile, zip and Python's zipfile, in every format and
compression of each, with files, links, holes, long names and names that occur twice; converts them with isd-convert and
compares the rows.

    python3 archives.py DIRECTORY OF THE BINARIES

A program that is not installed is named and passed over.
"""

import gzip
import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import pyarrow.parquet

HOURS = 24
FILE, LINK, SYMBOLIC, HOLE = (f"{usaf}-99999-2015" for usaf in ["010010", "010030", "010040", "010050"])
LONG = f"{'a' * 60}/{'b' * 60}/010020-99999-2015"
failures = []
archives = 0


def lite(wind):
    lines = (f"2015 01 01 {hour:02} {hour:5} -9999 10132   270 {wind:5}     8     0 -9999\n" for hour in range(HOURS))
    return "".join(lines).encode()


def tree(root):
    """Writes the files and returns the wind of each station, in tenths."""
    (root / LONG).parent.mkdir(parents=True)
    (root / FILE).write_bytes(lite(11))
    (root / LONG).write_bytes(lite(22))
    os.link(root / FILE, root / LINK)
    os.symlink(FILE, root / SYMBOLIC)
    # A hole behind the gzip member, which is padding: a text has none.
    with open(root / HOLE, "wb") as file:
        file.write(gzip.compress(lite(55)))
        file.truncate(1 << 20)
    return {FILE[:12]: 11, LONG[-17:-5]: 22, LINK[:12]: 11, SYMBOLIC[:12]: 11, HOLE[:12]: 55}


def check(binaries, path, expected, what):
    """Converts the archive and compares the winds of every station; what differs goes to `failures`."""
    global archives
    archives += 1
    output = path.with_suffix(".dataset")
    run = subprocess.run([binaries / "isd-convert", path, "-o", output], capture_output=True, text=True)
    if run.returncode:
        failures.append(f"{what}: {run.stderr.strip()}")
    else:
        read = pyarrow.parquet.read_table(output)
        found = sorted(zip(read["station_id"].cast(pyarrow.string()).to_pylist(), read["wind_speed_rate"].to_pylist()))
        wanted = sorted((station, wind / 10) for station, wind in expected.items() for _ in range(HOURS))
        if found != wanted:
            failures.append(f"{what}: {len(found)} rows of {sorted({station for station, _ in found})}")
    shutil.rmtree(output, ignore_errors=True)
    path.unlink()


def programs(root, names, path):
    """Archives of the programs that are installed, each as what it is and the command that writes it."""
    formats = {"tar": ["v7", "oldgnu", "gnu", "ustar", "pax"], "bsdtar": ["v7", "gnutar", "ustar", "pax"]}
    compressions = [[], ["--gzip"], ["--bzip2"], ["--xz"], ["--zstd"]]
    for program, kinds in formats.items():
        if not shutil.which(program):
            print(f"skipped: archives of {program}, which is not installed")
            continue
        for kind, compression in itertools.product(kinds, compressions):
            # The oldest formats have no room for long names.
            held = [name for name in names if kind != "v7" or len(name) < 100]
            sparse = ["--sparse"] if program == "tar" and kind in ("oldgnu", "gnu") else []
            command = [program, f"--format={kind}", *compression, *sparse, "-cf", path, *held]
            yield f"{program} {kind} {compression}", held, command
    if shutil.which("zip"):
        for level in ["-0", "-9"]:
            yield f"zip {level}", names, ["zip", "-q", level, path, *names]
    else:
        print("skipped: archives of zip, which is not installed")


def libraries(root, names, path):
    """Archives of Python's libraries, each as what it is and the names in it; they hold the first one twice."""
    kinds = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
    for (name, kind), mode in itertools.product(kinds.items(), ["w", "w:gz", "w:bz2", "w:xz"]):
        with tarfile.open(path, mode, format=kind) as archive:
            early = tarfile.TarInfo(names[0])
            early.size = len(lite(99))
            with tempfile.TemporaryFile() as file:
                file.write(lite(99))
                file.seek(0)
                archive.addfile(early, file)
            for member in names:
                archive.add(root / member, member)
        yield f"tarfile {name} {mode}", names
    for method in [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]:
        for streamed in [False, True]:
            with open(path, "wb") as file, zipfile.ZipFile(Unseekable(file) if streamed else file, "w", method) as archive:
                for member in names:
                    archive.write(root / member, member)
            yield f"zipfile {method} streamed={streamed}", names


class Unseekable:
    """A file that cannot be sought in: sizes and checksums follow the members then."""

    def __init__(self, file):
        self.write, self.flush = file.write, file.flush


def main(binaries):
    binaries = pathlib.Path(binaries).resolve()
    with tempfile.TemporaryDirectory() as directory:
        root, path = pathlib.Path(directory) / "tree", pathlib.Path(directory) / "archive"
        expected = tree(root)
        names = [FILE, LONG, LINK, SYMBOLIC, HOLE]
        wind = lambda held: {name[-17:][:12]: expected[name[-17:][:12]] for name in held}
        for what, held, command in programs(root, names, path):
            target = path.with_suffix(".zip") if command[0] == "zip" else path
            command = [target if part == path else part for part in command]
            subprocess.run(command, cwd=root, check=True, capture_output=True)
            check(binaries, target, wind(held), what)
        for what, held in libraries(root, names, path):
            check(binaries, path, wind(held), what)
    print(f"{archives} archives of other programs, {len(failures)} wrong")
    for failure in failures[:40]:
        print(failure)
    sys.exit(bool(failures))


main(sys.argv[1])
