#!/usr/bin/env python3
"""In: the checkout, and what was built of it. Out: dist/release/redline-VERSION/, a release.

    python3 scripts/dist.py [--redline PROGRAM] [--out FOLDER]

Builds the filter and the program `redline` where they are not up to date; with --redline takes that program instead.
The folder has nothing of the machine and of the time in it but the program itself: the same sources give the same bytes.

    redline                          the program, for this machine
    redline.wasm, redline.wasm.sha256, redline.debug.wasm
    oci/                             the filter as an image, in the OCI layout
    redline.example.yaml, redline.schema.json
    monitoring/                      what `redline render all` makes of the example
    completions/, man/               for bash, zsh and fish; a page for each command
    redline.wasm.cdx.json, redline.cdx.json   what is in the filter and in the program (CycloneDX)
    LICENSE, CHANGELOG.md, SECURITY.md
    SHA256SUMS                       of every file: sha256sum --check SHA256SUMS
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
import sbom  # noqa: E402
from tooling import ROOT, Failed, guarded, text_of  # noqa: E402

TEXTS = ("LICENSE", "CHANGELOG.md", "SECURITY.md", "envoy/redline.example.yaml", "envoy/redline.schema.json")
MODULES = ("dist/redline.wasm", "dist/redline.debug.wasm")
WASM_TARGET = "wasm32-wasip1"


def call(command: list, folder: Path = ROOT) -> None:
    words = [str(word) for word in command]
    if subprocess.run(words, cwd=str(folder), check=False).returncode != 0:
        raise Failed(f"`{' '.join(words)}` failed; what it said is above.")


def version() -> str:
    found = re.search(r'^\[workspace\.package\]\nversion = "([^"]+)"$', text_of("Cargo.toml"), re.MULTILINE)
    if found is None:
        raise Failed("Cargo.toml has no version under [workspace.package].")
    return found.group(1)


def program() -> Path:
    """Builds `redline`, with the packages of `make test`, so that nothing is built again with other features."""
    call(["cargo", "build", "--locked", "--release", "--package", "host-harness", "--package", "redline-cli"])
    return ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target") / "release/redline"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fill(folder: Path, redline: Path) -> None:
    """Puts a release into the empty `folder`."""
    for name in (*TEXTS, *MODULES):
        shutil.copyfile(ROOT / name, folder / Path(name).name)
    shutil.copyfile(redline, folder / "redline")
    (folder / "redline").chmod(0o755)
    # From within, so that what is rendered names the module as it stands here.
    own = folder / "redline"
    call([own, "generate", "--out", "."], folder)
    render = [own, "render", "all", "--config", "redline.example.yaml", "--wasm", "redline.wasm"]
    call([*render, "--oci", "oci", "--out", "monitoring"], folder)
    wasm = folder / "redline.wasm"
    (folder / "redline.wasm.sha256").write_text(f"{digest(wasm)}  redline.wasm\n")
    (folder / "redline.wasm.cdx.json").write_text(sbom.text("redline", WASM_TARGET, wasm), encoding="utf-8")
    (folder / "redline.cdx.json").write_text(sbom.text("redline-cli", sbom.host(), own), encoding="utf-8")
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    (folder / "SHA256SUMS").write_text("".join(f"{digest(folder / name)}  {name}\n" for name in files))


def main() -> None:
    arguments = argparse.ArgumentParser(description="Makes a release of what is in the checkout.")
    arguments.add_argument("--redline", type=Path, help="the program; without it, one is built")
    arguments.add_argument("--out", type=Path, default=ROOT / "dist/release", help="the folder of releases")
    given = arguments.parse_args()
    call([sys.executable, ROOT / "scripts/wasm.py"])
    redline = given.redline or program()
    release = given.out / f"redline-{version()}"
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=str(given.out), prefix=".making-") as made:
        folder = Path(made, release.name)
        folder.mkdir()
        fill(folder, redline)
        shutil.rmtree(release, ignore_errors=True)
        os.replace(folder, release)
    print(f"dist: {os.path.relpath(release)}", flush=True)


if __name__ == "__main__":
    sys.exit(guarded("dist", main))
