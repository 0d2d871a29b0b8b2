"""What scripts share: one lock, one way to run a command, one way to fail. Python's standard library only."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
BIN = TOOLS / "bin"
LOGS = TOOLS / "log"


class Failed(Exception):
    """What went wrong, where, why, and what to do about it, as one text for the user."""


def guarded(who: str, work) -> int:
    """Runs `work` and returns the exit code; a failure becomes one message on stderr."""

    def stop(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        work()
    except (Failed, OSError) as error:
        print(f"{who}: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{who}: interrupted; run it again to go on", file=sys.stderr)
        return 130
    return 0


@contextlib.contextmanager
def locked(path: Path, what: str):
    """Holds an exclusive lock on the file `path` while inside; says so when it has to wait for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"waiting for {what} in another process", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def text_of(name: str) -> str:
    """The file NAME of the checkout."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except OSError as error:
        raise Failed(f"cannot read {ROOT / name}: {error.strerror}") from error


def output(command: list) -> str | None:
    """What a quick `command` prints on both streams, or None when it cannot be run or fails."""
    try:
        done = subprocess.run(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, cwd=str(ROOT), universal_newlines=True, check=False,
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def run_logged(name: str, command: list, env: dict | None = None, cwd: Path = ROOT) -> None:
    """Runs a long `command` with its output in .tools/log/NAME.log; when it fails, raises Failed with the log's end."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}.log"
    words = [str(word) for word in command]
    env = dict(os.environ if env is None else env, RUST_BACKTRACE="0")
    with open(log, "ab") as out:
        out.write(f"$ {' '.join(words)}\n".encode())
        out.flush()
        try:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=str(cwd), env=env
            )
        except OSError as error:
            raise Failed(f"cannot run {words[0]}: {error.strerror}") from error
        try:
            code = wait_ticking(process)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if code != 0:
        tail = log.read_text(errors="replace").splitlines()[-20:]
        raise Failed(
            f"{name} could not be installed; the last command ended with {code}:\n"
            + "".join(f"    {line}\n" for line in tail)
            + f"The whole log is {log.relative_to(ROOT)}. Mend the cause and run `make setup` again."
        )


def wait_ticking(process: subprocess.Popen) -> int:
    """Waits for `process`, with the seconds on stderr when that is a terminal; returns its exit code."""
    ticking, start = sys.stderr.isatty(), time.monotonic()
    try:
        while True:
            try:
                return process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                if ticking:
                    print(f"\r  {time.monotonic() - start:.0f} s ", end="", file=sys.stderr, flush=True)
    finally:
        if ticking:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
