"""The session of the page on object stores: its commands are run, and print what it shows, but for times and rates."""

import os
import re
import subprocess
from pathlib import Path

from conftest import BINARIES

PAGE = Path(__file__).parents[2] / "docs" / "object-stores.md"


def session() -> list[tuple[str, list[str]]]:
    _, after = PAGE.read_text().split("<!-- session -->\n```console\n")
    commands: list[tuple[str, list[str]]] = []
    for line in after.split("\n```")[0].splitlines():
        if line.startswith("$ "):
            commands.append((line[2:], []))
        else:
            commands[-1][1].append(line)
    return commands


def without_times(line: str) -> str:
    return re.sub(r"[\d,.]+( rows)?( s|/s)\b", "N", line)


def test_the_session_is_what_the_tools_print(store, tmp_path):
    store.client.create_bucket(Bucket="weather")
    environment = store.environment() | {"PATH": f"{BINARIES}:{os.environ['PATH']}"}
    for command, expected in session():
        done = subprocess.run(f"{{ {command} ; }} 2>&1", shell=True, cwd=tmp_path, env=environment,
                              stdout=subprocess.PIPE, text=True)
        printed = [without_times(line) for line in done.stdout.splitlines()]
        assert printed == [without_times(line) for line in expected], command
    assert len(session()) == 8
