#!/usr/bin/env python3
"""In: the checkout. Out: nothing when a copy of it in another folder builds the same dist/*.wasm byte for byte.

The copy has a target folder of its own and reaches cargo's home by another path: of all these no path may be in the
module. Nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
from tooling import ROOT, TOOLS, Failed, guarded  # noqa: E402

MODULES = ("redline.wasm", "redline.debug.wasm")
# What is no source.
LEFT_OUT = (".git", ".tools", "target", "dist", "corpus", "artifacts", "__pycache__")


def build(checkout: Path, env: dict) -> dict:
    """Builds the filter in a checkout; returns the digest of each module."""
    start = time.monotonic()
    command = [sys.executable, str(checkout / "scripts/wasm.py")]
    done = subprocess.run(command, cwd=str(checkout), env=env, check=False)
    if done.returncode != 0:
        raise Failed(f"the build in {checkout} ended with {done.returncode}; what it said is above.")
    print(f"reproducible: built in {checkout} in {time.monotonic() - start:.0f} s", flush=True)
    return {name: hashlib.sha256((checkout / "dist" / name).read_bytes()).hexdigest() for name in MODULES}


def other_home(folder: Path) -> Path:
    """A folder through which cargo's home is reached by another path."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    folder.mkdir()
    for entry in home.iterdir():
        (folder / entry.name).symlink_to(entry.resolve())
    return folder


def main() -> None:
    env = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
    here = build(ROOT, dict(os.environ))
    with tempfile.TemporaryDirectory(prefix="redline-") as scratch:
        copy = Path(scratch, "somewhere/else/redline")
        shutil.copytree(ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        (copy / ".tools").symlink_to(TOOLS)
        home = other_home(Path(scratch, "cargo"))
        there = build(copy, dict(env, CARGO_HOME=str(home), CARGO_NET_OFFLINE="true"))
    for name in MODULES:
        if here[name] != there[name]:
            raise Failed(f"dist/{name} differs: {here[name]} here, {there[name]} in the copy.")
        print(f"reproducible: {here[name]}  dist/{name}", flush=True)


if __name__ == "__main__":
    sys.exit(guarded("reproducible", main))
