"""Runs the commands of docs/recipes.md as they stand there, on the sample archive of the README."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

PROJECT = pathlib.Path(__file__).resolve().parents[2]
# What the commands leave behind, and the least number of lines that each must have where it is text.
RESULTS = {
    "errors.parquet": 0,
    "unusual.parquet": 0,
    "flags.parquet": 0,
    "events.csv": 10,
    "members.csv": 10,
    "july.csv": 2,
    "top.csv": 11,
    "top.tex": 15,
}


def blocks(text):
    """The commands of a page, block by block."""
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def main(binaries):
    tools = os.pathsep.join([str(binaries), str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": tools}
    readme = (PROJECT / "README.md").read_text()
    first = next(block for block in blocks(readme) if "isd-synth" in block)
    sample = "\n".join(line for line in first.splitlines() if not line.startswith("cargo"))
    recipes = blocks((PROJECT / "docs" / "recipes.md").read_text())
    with tempfile.TemporaryDirectory() as home:
        for commands in [sample, *recipes]:
            run = ["bash", "-euo", "pipefail", "-c", commands]
            ended = subprocess.run(run, cwd=home, env=environment, capture_output=True, text=True)
            assert ended.returncode == 0, f"{commands}\n{ended.stdout}{ended.stderr}"
        for name, least in RESULTS.items():
            content = (pathlib.Path(home) / name).read_bytes()
            assert content, name
            assert content.count(b"\n") >= least, f"{name}: {content.decode()}"
    print(f"recipes: {len(recipes)} of {len(recipes)} run as they stand")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
