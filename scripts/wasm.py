#!/usr/bin/env python3
"""In: the filter's sources. Out: dist/redline.debug.wasm, optimised and with names, and dist/redline.wasm, stripped.

With `--faults` dist/faults/ gets the same two with the feature fault-injection: filters for tests, which trap on demand.

Does nothing when dist/ is already what these sources give; safe to run in several processes at once, each of which
returns when dist/ is up to date. The files are replaced whole, never written in place.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
import setup  # noqa: E402
from tooling import BIN, ROOT, TOOLS, Failed, guarded, locked, text_of  # noqa: E402

TARGET = "wasm32-wasip1"
FAULTS = "--faults" in sys.argv[1:]
DIST = ROOT / "dist" / "faults" if FAULTS else ROOT / "dist"
STRIPPED, NAMED, STAMP = DIST / "redline.wasm", DIST / "redline.debug.wasm", DIST / ".stamp"
KEEP = "scripts/wasm-exports.txt"
INPUTS = ("Cargo.toml", "Cargo.lock", "rust-toolchain.toml", KEEP, "scripts/wasm.py", "scripts/setup.py")


def sha256(*paths: Path) -> str:
    """One digest over the names and contents of `paths`."""
    digest = hashlib.sha256()
    for path in paths:
        data = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()


def stamp() -> str:
    """What dist/.stamp holds when dist/ is up to date: a digest of what goes in and one of what came out."""
    sources = sorted(path for path in (ROOT / "src").rglob("*") if path.is_file())
    inputs = sha256(*(ROOT / name for name in INPUTS), *sources)
    outputs = sha256(NAMED, STRIPPED) if NAMED.is_file() and STRIPPED.is_file() else "none"
    return f"{inputs} {outputs}\n"


def up_to_date() -> bool:
    return STAMP.is_file() and STAMP.read_text() == stamp()


def call(command: list, **more) -> str:
    """Runs a build step with stderr passed through; returns its stdout."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=str(ROOT), stdout=subprocess.PIPE, universal_newlines=True, check=False, **more)
    if done.returncode != 0:
        raise Failed(f"`{' '.join(words)}` ended with {done.returncode}; what it said is above.")
    return done.stdout


def private_folders() -> dict:
    """Folders of this machine -> what stands for them in panic messages, so that the artefact is the same anywhere."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo").absolute()
    sysroot = call(["rustc", "--print", "sysroot"]).strip()
    commit = [line.split(": ")[1] for line in call(["rustc", "-vV"]).splitlines() if line.startswith("commit-hash")]
    target = Path(os.environ.get("CARGO_TARGET_DIR") or "target")
    folders = {
        str(ROOT): "/redline",
        str(ROOT / target): "/target",
        str(home): "/cargo",
        f"{sysroot}/lib/rustlib/src/rust": f"/rustc/{commit[0]}",
    }
    # The registry's own folder is named after the registry or its mirror.
    folders.update({str(path): "/crates" for path in sorted((home / "registry/src").glob("*"))})
    return folders


def compile_filter() -> Path:
    """Builds the filter and returns cargo's .wasm."""
    call(["cargo", "fetch", "--quiet", "--target", TARGET])  # so that every source has its folder before they are named
    flags = [f"--remap-path-prefix={folder}={name}" for folder, name in private_folders().items()]
    # The linker's default is 1 MB for each VM, of which there is one a worker. What recurses is bounded: JSON by depth.
    flags += ["-Clink-arg=-zstack-size=262144"]
    env = dict(os.environ, CARGO_ENCODED_RUSTFLAGS="\x1f".join(flags))
    build = ["cargo", "rustc", "--package", "redline", "--lib", "--profile", "wasm", "--target", TARGET]
    build += ["--features", "fault-injection"] if FAULTS else []
    said = call([*build, "--crate-type", "cdylib", "--message-format", "json-render-diagnostics"], env=env)
    for line in reversed(said.splitlines()):
        for name in json.loads(line).get("filenames", []):
            if name.endswith("/redline.wasm"):
                return Path(name)
    raise Failed("cargo built the filter, but named no redline.wasm: is the package still called redline?")


def build() -> None:
    before = stamp().split()[0]
    compiled = compile_filter()
    lines = (line.split("#")[0].strip() for line in text_of(KEEP).splitlines())
    exports = [line for line in lines if line]
    graph = [{"name": name, "export": name, "root": True} for name in exports]
    DIST.mkdir(parents=True, exist_ok=True)
    for left in DIST.glob(".build-*"):  # by a build that was killed
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=str(DIST), prefix=".build-") as folder:
        work = Path(folder)
        (work / "graph.json").write_text(json.dumps(graph))
        # What features the module needs, Binaryen reads from the module: rustc lists them beside the names.
        call([BIN / "wasm-metadce", compiled, "-g", "--graph-file", work / "graph.json", "-o", work / "kept.wasm"])
        call([BIN / "wasm-opt", work / "kept.wasm", "-O3", "-g", "-o", work / NAMED.name])
        strip = ["--strip-debug", "--strip-producers", "--strip-target-features"]
        call([BIN / "wasm-opt", work / NAMED.name, *strip, "-o", work / STRIPPED.name])
        for name in (NAMED.name, STRIPPED.name):
            refuse_private_folders(work / name)
        stripped = (work / STRIPPED.name).read_bytes()
        for name in exports:
            if bytes([len(name)]) + name.encode() not in stripped:
                raise Failed(f"{KEEP} names the export {name}, which the filter does not have: is it spelt right?")
        STAMP.unlink(missing_ok=True)
        os.replace(work / NAMED.name, NAMED)
        os.replace(work / STRIPPED.name, STRIPPED)
    after = stamp()
    # Sources that changed meanwhile leave no stamp: the next call builds them.
    if after.split()[0] == before:
        STAMP.write_text(after)
    for path in (STRIPPED, NAMED):
        print(f"wasm: {path.relative_to(ROOT)} {path.stat().st_size:,} bytes", flush=True)


def refuse_private_folders(path: Path) -> None:
    data = path.read_bytes()
    for folder in private_folders():
        if folder.count("/") > 1 and f"{folder}/".encode() in data:
            raise Failed(f"{path.name} holds the path {folder} of this machine: private_folders in scripts/wasm.py missed it")


def main() -> None:
    if not set(sys.argv[1:]) <= {"--faults"}:
        raise Failed("usage: scripts/wasm.py [--faults]")
    setup.ensure(["rust", "node", "binaryen"], quiet=True)
    if not up_to_date():
        with locked(TOOLS / "wasm.lock", f"the build of {STRIPPED.relative_to(ROOT)}"):
            if not up_to_date():
                build()


if __name__ == "__main__":
    sys.exit(guarded("wasm", main))
