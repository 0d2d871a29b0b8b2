"""In: a package, its target and the file that was built of it. Out: its software bill of materials, CycloneDX 1.6 JSON.

What is listed is what is linked into the file: cargo's normal dependencies for that target with their features, and
Rust's standard library; no procedural macros, build scripts or test tools. There is no time and no random number in
it: the same sources give the same bytes. The format: https://cyclonedx.org/docs/1.6/json/.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import uuid
from pathlib import Path
from urllib.parse import quote

from tooling import ROOT, Failed, text_of

# The name space of serial numbers, which are made of what the bill says.
NAMES = uuid.uuid5(uuid.NAMESPACE_DNS, "redline")


def run(command: list) -> str:
    done = subprocess.run(command, cwd=str(ROOT), stdout=subprocess.PIPE, universal_newlines=True, check=False)
    if done.returncode != 0:
        raise Failed(f"`{' '.join(command)}` ended with {done.returncode}; what it said is above.")
    return done.stdout


def host() -> str:
    """The target that cargo builds for when none is named."""
    found = re.search(r"^host: (\S+)$", run(["rustc", "-vV"]), re.MULTILINE)
    if found is None:
        raise Failed("rustc -vV does not say which host it is for.")
    return found.group(1)


def edges(package: str, target: str) -> tuple:
    """((name, version) of the package, {(name, version): [what it depends on]}), by `cargo tree`."""
    tree = ["cargo", "tree", "--locked", "--package", package, "--target", target, "--edges", "normal,no-proc-macro"]
    said = run([*tree, "--prefix", "depth", "--format", " {p} ", "--charset", "ascii"])
    graph: dict = {}
    above: list = []
    for line in said.splitlines():
        found = re.match(r"(\d+) (\S+) v(\S+)", line)
        if found is None:
            raise Failed(f"`cargo tree` says {line!r}, which is no package.")
        depth, one = int(found.group(1)), (found.group(2), found.group(3))
        graph.setdefault(one, [])
        above[depth:] = [one]
        if depth and one not in graph[above[depth - 1]]:
            graph[above[depth - 1]].append(one)
    return above[0], graph


def facts() -> dict:
    """(name, version) -> its entry in `cargo metadata`."""
    said = json.loads(run(["cargo", "metadata", "--locked", "--format-version", "1"]))
    return {(package["name"], package["version"]): package for package in said["packages"]}


def checksums() -> dict:
    """(name, version) -> SHA-256 of the package as it was downloaded, from Cargo.lock."""
    pattern = r'^name = "([^"]+)"\nversion = "([^"]+)"\nsource = "[^"]+"\nchecksum = "([0-9a-f]{64})"$'
    return {(name, version): digest for name, version, digest in re.findall(pattern, text_of("Cargo.lock"), re.MULTILINE)}


def purl(name: str, version: str) -> str:
    """A package URL of the type cargo."""
    return f"pkg:cargo/{quote(name, safe='')}@{quote(version, safe='')}"


def component(one: tuple, package: dict, digests: dict) -> dict:
    name, version = one
    entry = {"type": "library", "bom-ref": purl(name, version), "name": name, "version": version}
    if package.get("description"):
        entry["description"] = " ".join(package["description"].split())
    if one in digests:
        entry["hashes"] = [{"alg": "SHA-256", "content": digests[one]}]
    if package.get("license"):
        # "MIT/Apache-2.0" is how it was written before SPDX expressions.
        entry["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}]
    entry["purl"] = purl(name, version)
    if package.get("repository"):
        entry["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return entry


def standard_library() -> dict:
    found = re.search(r'^channel = "([^"]+)"$', text_of("rust-toolchain.toml"), re.MULTILINE)
    if found is None:
        raise Failed("rust-toolchain.toml has no channel.")
    name, version = "rust-std", found.group(1)
    ref = f"pkg:generic/{name}@{version}"
    return {
        "type": "library", "bom-ref": ref, "name": name, "version": version,
        "description": "Rust's standard library, as the toolchain ships it for the target",
        "licenses": [{"expression": "MIT OR Apache-2.0"}], "purl": ref,
    }


def bill(package: str, target: str, artefact: Path) -> dict:
    """The bill of `artefact`, which was built of `package` for `target`."""
    root, graph = edges(package, target)
    known, digests = facts(), checksums()
    library = standard_library()
    root_ref = purl(*root)
    main = component(root, known[root], digests)
    main.update({
        "type": "application",
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(artefact.read_bytes()).hexdigest()}],
        "properties": [
            {"name": "redline:file", "value": artefact.name},
            {"name": "redline:target", "value": target},
        ],
    })
    others = [component(one, known[one], digests) for one in sorted(graph) if one != root]
    below = {purl(*one): [purl(*other) for other in sorted(needs)] for one, needs in graph.items()}
    below[root_ref].append(library["bom-ref"])
    below[library["bom-ref"]] = []
    made = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"lifecycles": [{"phase": "build"}], "component": main},
        "components": [*others, library],
        "dependencies": [{"ref": ref, "dependsOn": needs} for ref, needs in sorted(below.items())],
    }
    said = json.dumps(made, sort_keys=True)
    return {**made, "serialNumber": f"urn:uuid:{uuid.uuid5(NAMES, said)}"}


def text(package: str, target: str, artefact: Path) -> str:
    return json.dumps(bill(package, target, artefact), indent=2, ensure_ascii=False) + "\n"
