"""`gatemeter gateway --config`: the whole gateway in a process of its own, with real clients."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import AzureOpenAI

from gatemeter.simulator import RunningSimulator, SimulatorConfig, running
from gateway_hooks.event import validate_line

PROGRAM = [sys.executable, "-c", "from gatemeter.cli import main; main()"]
HELLO: list[Any] = [{"role": "user", "content": "hi there"}]
CHAT = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
BACKENDS_KEY = "the-backends-own-key"


@dataclass
class GatewayProcess:
    """A gateway that runs by a file."""

    home: Path
    file: Path
    process: subprocess.Popen[str]
    url: str = ""
    said: list[str] = field(default_factory=list)

    def reload(self, text: str) -> str:
        """Write the file anew and have it read; what the gateway said to that."""
        self.file.write_text(text)
        seen = len(self.said)
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(self.said) > seen)
        return self.said[seen]

    def events(self, count: int) -> list[Any]:
        """What is in the queue, when there are so many."""
        found: list[Any] = []

        def enough() -> bool:
            lines = [
                line
                for path in (self.home / "queue").glob("*.ndjson*")
                for line in path.read_bytes().splitlines()
                if b'"event_id"' in line
            ]
            found[:] = sorted(
                (validate_line(line) for line in lines), key=lambda e: e["started_at"]
            )
            return len(found) >= count

        wait_until(enough)
        return found


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that comes soon."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def run(home: Path, *arguments: str) -> str:
    """A command of ours; what it printed."""
    environment = os.environ | {"GATEMETER_HOME": str(home)}
    done = subprocess.run(
        [*PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def made_key(home: Path, name: str, **options: str) -> str:
    """A new key of the gateway."""
    chosen = {"team": "team-" + name, **options}
    arguments = [part for option, value in chosen.items() for part in (f"--{option}", value)]
    return str(json.loads(run(home, "keys", "create", name, *arguments, "--json"))["key"])


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    """A backend that wants its own key."""
    with running(SimulatorConfig(keys=frozenset({BACKENDS_KEY}), token_ms=2.0)) as started:
        yield started


StartGateway = Callable[[str], GatewayProcess]


@pytest.fixture
def start(tmp_path: Path, simulator: RunningSimulator) -> Iterator[StartGateway]:
    """Start gateways in front of the simulator; they end with the test."""
    with contextlib.ExitStack() as stack:

        def begin(rest: str) -> GatewayProcess:
            file = tmp_path / "gateway.toml"
            file.write_text(settings(simulator, rest))
            environment = os.environ | {"GATEMETER_HOME": str(tmp_path), "BACKEND": BACKENDS_KEY}
            process = subprocess.Popen(
                [*PROGRAM, "gateway", "--config", str(file)],
                env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            gateway = GatewayProcess(tmp_path, file, process)
            assert process.stderr is not None
            errors = process.stderr
            reader = threading.Thread(
                target=lambda: gateway.said.extend(iter(errors.readline, "")), daemon=True
            )
            reader.start()
            stack.callback(end, process, reader)
            wait_until(lambda: bool(gateway.said))
            assert gateway.said[0].startswith("gateway on "), gateway.said
            gateway.url = gateway.said[0].split()[2].rstrip(",")
            gateway.said.clear()
            secure = gateway.url.startswith("https")
            wait_until(lambda: is_up(gateway.url, secure=secure))
            return gateway

        yield begin


def is_up(url: str, *, secure: bool) -> bool:
    """Whether it answers."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/health/live", verify=not secure).status_code == 200
    return False


def end(process: subprocess.Popen[str], reader: threading.Thread) -> None:
    """Stop a gateway, and see that it goes in order."""
    if process.poll() is None:
        process.terminate()
    assert process.wait(30) == 0
    reader.join(10)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def settings(simulator: RunningSimulator, rest: str) -> str:
    """A gateway's file."""
    backend = f"[[backends]]\nname = 'east'\nurl = '{simulator.url}'\nkey_env = 'BACKEND'\n"
    server = "" if "[server]" in rest else "[server]\nport = 0\n"
    return server + backend + rest


def client(gateway: GatewayProcess, key: str) -> AzureOpenAI:
    """The SDK as customers use it, without its own retries."""
    return AzureOpenAI(
        azure_endpoint=gateway.url, api_key=key, api_version="2024-10-21", max_retries=0
    )


PRODUCTS = """
[[products]]
name = "small"
deployments = ["gpt-4o-mini"]
[[products]]
name = "large"
"""
LIMITS = """
[[limits]]
name = "each-key"
per = ["key"]
requests_per_minute = 2
"""


def test_keys_products_and_limits_hold_and_stand_in_the_events(start: StartGateway) -> None:
    """Who may not is told so in Azure's form; every request is one event with who and why."""
    gateway = start(PRODUCTS + LIMITS)
    small = made_key(gateway.home, "small-app", product="small")
    large = made_key(gateway.home, "large-app", product="large")
    wait_until(
        lambda: httpx.post(gateway.url + CHAT, headers={"api-key": large}).status_code != 401
    )
    with client(gateway, small) as caller, pytest.raises(openai.PermissionDeniedError):
        caller.chat.completions.create(model="gpt-4o", messages=HELLO)
    with client(gateway, "gm_guessed") as caller, pytest.raises(openai.AuthenticationError):
        caller.chat.completions.create(model="gpt-4o", messages=HELLO)
    with client(gateway, small) as caller:
        for _ in range(2):
            answer = caller.chat.completions.create(model="gpt-4o-mini", messages=HELLO)
            assert answer.usage is not None
        with pytest.raises(openai.RateLimitError) as refused:
            caller.chat.completions.create(model="gpt-4o-mini", messages=HELLO)
    assert int(refused.value.response.headers["retry-after"]) <= 60
    events = [event for event in gateway.events(6) if event.get("key_name") != "large-app"]
    told = [
        (event["status_code"], event.get("key_name"), event.get("product"),
         [one["policy"] for one in event.get("decisions", ())])
        for event in events
        if event["status_code"] != 401 or event.get("decisions")
    ]  # fmt: skip
    assert told[-4:] == [
        (401, None, None, ["access_control"]),
        (200, "small-app", "small", []),
        (200, "small-app", "small", []),
        (429, "small-app", "small", ["token_limits"]),
    ]
    assert (403, "small-app", "small", ["permissions"]) in told
    assert events[-1]["throttled_by"] == "gateway"
    queue = b"".join(path.read_bytes() for path in (gateway.home / "queue").iterdir())
    assert small.encode() not in queue
    assert BACKENDS_KEY.encode() not in queue


def test_a_reload_interrupts_nothing_and_a_bad_file_changes_nothing(
    start: StartGateway, simulator: RunningSimulator
) -> None:
    """A stream that began under the old settings ends under them; new requests meet the new."""
    gateway = start("[access]\nanonymous = true\n")
    with client(gateway, "k") as caller:
        stream = iter(
            caller.chat.completions.create(
                model="gpt-4o",
                stream=True,
                messages=[{"role": "user", "content": "tell a long story"}],
            )
        )
        next(stream)
        said = gateway.reload(settings(simulator, "[access]\nanonymos = true\n"))
        assert "gateway.toml:8: [access], anonymos" in said
        assert "stay as they were" in said
        assert caller.chat.completions.create(model="gpt-4o", messages=HELLO)
        assert "in force" in gateway.reload(settings(simulator, ""))
        with pytest.raises(openai.AuthenticationError):
            caller.chat.completions.create(model="gpt-4o", messages=HELLO)
        assert list(stream)[-1].choices[0].finish_reason == "stop"


def test_several_workers_are_one_gateway(start: StartGateway) -> None:
    """They share port, keys, log and metrics; one that is killed is replaced."""
    gateway = start("[server]\nport = 0\nworkers = 2\n[access]\nanonymous = true\n")
    for _ in range(12):
        with client(gateway, "k") as caller:
            assert caller.chat.completions.create(model="gpt-4o", messages=HELLO)
    events = gateway.events(12)
    assert len(events) == 12
    writers = {path.name.rpartition("-")[0] for path in (gateway.home / "queue").glob("*.ndjson*")}
    assert len(writers) == 2
    assert metric(gateway.url, "gen_ai_server_request_duration_seconds_count") == 12
    children = Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children")
    workers = [int(pid) for pid in children.read_text().split() if "spawn_main" in command_of(pid)]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    wait_until(lambda: len(set(map(int, children.read_text().split())) - {*workers}) > 0)
    for _ in range(4):
        with client(gateway, "k") as caller:
            assert caller.chat.completions.create(model="gpt-4o", messages=HELLO)


def command_of(pid: str) -> str:
    """The command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text()


def metric(url: str, name: str) -> float:
    """The sum of a metric over its labels."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def test_the_access_log_and_the_state_of_backends(start: StartGateway) -> None:
    """A line of JSON for each request; breakers and throttling at /gateway/backends."""
    gateway = start("[server]\nport = 0\naccess_log = true\n[access]\nanonymous = true\n")
    with client(gateway, "callers-own-key") as caller:
        caller.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert gateway.process.stdout is not None
    line = json.loads(gateway.process.stdout.readline())
    assert (line["status_code"], line["backends"], line["deployment"]) == (200, ["east"], "gpt-4o")
    assert "callers-own-key" not in json.dumps(line)
    (backend,) = httpx.get(f"{gateway.url}/gateway/backends").json()["backends"]
    assert (backend["name"], backend["state"], backend["throttled_ms"]) == ("east", "closed", {})
    assert httpx.get(f"{gateway.url}/health/ready").json() == {"status": "ok"}


def test_tls_is_the_servers_own(start: StartGateway, tmp_path: Path) -> None:
    """With a certificate the gateway speaks HTTPS."""
    certificate, key = tmp_path / "tls.pem", tmp_path / "tls.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    server = f"[server]\nport = 0\ntls_certificate = '{certificate}'\ntls_key = '{key}'\n"
    gateway = start(server + "[access]\nanonymous = true\n")
    assert gateway.url.startswith("https://")
    with httpx.Client(verify=False) as caller:  # noqa: S501 - a certificate of our own
        answer = caller.post(gateway.url + CHAT, headers={"api-key": "k"}, json={"messages": HELLO})
    assert answer.status_code == 200


def test_a_budget_that_is_used_up_stops_its_team(start: StartGateway, tmp_path: Path) -> None:
    """Requests, consumer, store, published state, refusal: the whole way round."""
    (tmp_path / "gatemeter.toml").write_text(
        "[[budgets]]\nname = 'trial'\nteam = 'team-trial'\nmeasure = 'requests'\nlimit = 2\n"
        "enforce = 'deny'\n"
    )
    gateway = start("[budgets]\npublish_seconds = 1\n")
    trial, other = made_key(tmp_path, "trial"), made_key(tmp_path, "other")
    wait_until(
        lambda: httpx.post(gateway.url + CHAT, headers={"api-key": other}).status_code != 401
    )
    with client(gateway, trial) as caller:
        for _ in range(2):
            assert caller.chat.completions.create(model="gpt-4o", messages=HELLO)
        gateway.process.send_signal(signal.SIGHUP)
        run(tmp_path, "consume", "--once")

        refusals: list[str] = []

        def is_denied() -> bool:
            try:
                caller.chat.completions.create(model="gpt-4o", messages=HELLO)
            except openai.PermissionDeniedError as error:
                refusals.append(str(error))
            return bool(refusals)

        wait_until(is_denied)
    assert "The budget trial is used up" in refusals[0]
    with client(gateway, other) as caller:
        assert caller.chat.completions.create(model="gpt-4o", messages=HELLO)
    denied = [event for event in gateway.events(5) if event["status_code"] == 403]
    assert denied[0]["decisions"] == [{"policy": "budgets", "action": "denied", "reason": "trial"}]
    assert denied[0]["usage_source"] == "none"


def test_check_tells_the_line_of_a_mistake(tmp_path: Path) -> None:
    """Before a deployment one can know whether a file can be used."""
    file = tmp_path / "gateway.toml"
    file.write_text("[server]\nport = 8080\n\n[[backends]]\nname = 'east'\nurll = 'https://a'\n")
    done = subprocess.run(
        [*PROGRAM, "gateway", "--config", str(file), "--check"],
        env=os.environ | {"GATEMETER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"{file}:6: [[backends]] number 1" in done.stderr
    assert "Traceback" not in done.stderr
