"""Servers that tests need: started on a free port in a temporary folder, stopped by the fixture.

A machine without them skips those tests, unless REQUIRE_SERVERS names them, as it does in CI.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_START_SECONDS = 60.0
_AZURITE_KEY = (  # Azurite's own, published for everybody
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Makes a database by name and returns its DuckLake address."""
    programs = _postgres_programs()
    folder = tmp_path_factory.mktemp("postgres")
    # PostgreSQL does not run as root; containers do.
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        # It has to reach its folder, which pytest keeps to itself.
        for place in (folder, *folder.parents):
            if place.name.startswith(("postgres", "popen-", "pytest-")):
                place.chmod(0o755)
        shutil.chown(folder, user)
    port = _free_port()
    subprocess.run(
        [programs / "initdb", "-D", folder / "data", "-U", "usage", "-A", "trust", "-N"],
        check=True,
        capture_output=True,
        user=user,
        cwd=folder,
    )
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    command = [str(programs / "postgres"), "-D", str(folder / "data"), *options.split()]
    with _running(command, port, folder / "log", user=user):

        def make(name: str) -> str:
            place = ["-h", "127.0.0.1", "-p", str(port), "-U", "usage"]
            subprocess.run([programs / "createdb", *place, name], check=True, capture_output=True)
            return f"ducklake:postgres:dbname={name} host=127.0.0.1 port={port} user=usage"

        yield make


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a Blob service."""
    program = shutil.which("azurite-blob")
    if program is None:
        missing("azurite-blob", "npm install azurite, and its bin folder in PATH")
    folder = tmp_path_factory.mktemp("azurite")
    port = _free_port()
    command = [str(program), "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    command += ["--location", str(folder), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    with _running(command, port, folder / "log"):
        yield (
            f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={_AZURITE_KEY};"
            f"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
        )


class RedisServer:
    """A Redis of a test's own, to be stopped and started in the middle."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Answer; with an empty memory."""
        options = f"--port {self.port} --bind 127.0.0.1 --appendonly no --save"
        with (self._folder / "log").open("ab") as output:
            self._process = subprocess.Popen(
                [self._program, *options.split(), ""],
                stdout=output,
                stderr=output,
                cwd=self._folder,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self.port):
            assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def kill(self) -> None:
        """Be gone at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A running Redis."""
    program = shutil.which("redis-server")
    if program is None:
        missing("redis-server", "apt-get install redis-server")
    server = RedisServer(program, tmp_path)
    server.start()
    yield server
    server.kill()


def _postgres_programs() -> Path:
    # Debian keeps the server's programs out of PATH.
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    folders += map(Path, os.get_exec_path())
    found = next((one for one in folders if (one / "initdb").exists()), None)
    return found or missing("initdb", "apt-get install postgresql")


def missing(program: str, remedy: str) -> NoReturn:
    """Skip the test, or fail it where REQUIRE_SERVERS names the program."""
    if program in os.environ.get("REQUIRE_SERVERS", "").split():
        pytest.fail(f"{program} is missing: {remedy}")
    pytest.skip(f"{program} is missing: {remedy}")


@contextmanager
def _running(
    command: Sequence[str], port: int, log: Path, user: str | None = None
) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, user=user, cwd=log.parent)
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not _answers(port):
                assert process.poll() is None, log.read_text()[-2000:]
                assert time.monotonic() < deadline, log.read_text()[-2000:]
                time.sleep(0.1)
            yield
        finally:
            # After SIGTERM PostgreSQL waits for clients, which a failed test may have left.
            process.send_signal(signal.SIGINT)
            process.wait(30)


def _answers(port: int) -> bool:
    with socket.socket() as connection:
        connection.settimeout(1)
        return connection.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
