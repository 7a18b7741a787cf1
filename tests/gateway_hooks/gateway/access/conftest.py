"""Access control in front of an application in this process, or of a gateway on a real port."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway_hooks import MemorySink, Meter
from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.event import UsageEvent, validate_line
from gateway_hooks.gateway import Backend, Gateway
from gateway_hooks.gateway.access import (
    AccessControl,
    AccessSettings,
    AccessState,
    EntraRule,
    KeyFile,
    Permissions,
    Product,
    answer_denied,
)
from gateway_hooks.gateway.access.fetch import FetchFailed
from gateway_hooks.gateway.serving.listening import listen
from gateway_hooks.gateway.serving.server import server_for
from gateway_hooks.settings import HookSettings

TENANT = "11111111-2222-3333-4444-555555555555"
V2 = f"https://login.microsoftonline.com/{TENANT}/v2.0"
V1 = f"https://sts.windows.net/{TENANT}/"
AUDIENCE = "api://gateway"
CHUNK = 1 << 20
SECOND_NS = 1_000_000_000


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    closed: int | None = None
    """Close code of a websocket that was not accepted."""

    @property
    def error(self) -> dict[str, Any]:
        """The error of Azure's form."""
        error = json.loads(self.body)["error"]
        assert isinstance(error, dict)
        return error


@dataclass
class Inner:
    """The application behind the hooks; writes down what reaches it."""

    body: bytes = b"{}"
    chunks: list[bytes] | None = None
    seen: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        self.seen.append(dict(scope))
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        chunks = self.chunks if self.chunks is not None else [self.body]
        for index, chunk in enumerate(chunks):
            more = index < len(chunks) - 1
            await send({"type": "http.response.body", "body": chunk, "more_body": more})


class Ask(Protocol):
    """Sends one request through hooks in this process."""

    async def __call__(
        self,
        path: str = "/openai/deployments/gpt-4o/chat/completions",
        *,
        method: str = "POST",
        headers: Sequence[tuple[str, str]] = (),
        query: str = "",
        body: bytes | dict[str, Any] = b"",
        raw_path: str | None = None,
        client: str = "192.0.2.1",
        kind: str = "http",
        extensions: dict[str, Any] | None = None,
    ) -> Answer:
        """Its answer."""


@dataclass
class Hooked:
    """The hooks around an application, with their events."""

    app: Any
    inner: Inner
    sink: MemorySink
    state: AccessState
    keys: KeyFile
    reads: list[str] = field(default_factory=list)
    """Each time the body was asked for."""

    @property
    def events(self) -> list[UsageEvent]:
        """What was recorded, each line checked."""
        return [validate_line(line) for line in self.sink.lines]

    def decision(self) -> str | None:
        """Policy, action and reason of the newest event."""
        found = self.events[-1].get("decisions", [])
        return "/".join(str(one) for one in found[0].values()) if found else None

    async def ask(
        self,
        path: str = "/openai/deployments/gpt-4o/chat/completions",
        *,
        method: str = "POST",
        headers: Sequence[tuple[str, str]] = (),
        query: str = "",
        body: bytes | dict[str, Any] = b"",
        raw_path: str | None = None,
        client: str = "192.0.2.1",
        kind: str = "http",
        extensions: dict[str, Any] | None = None,
    ) -> Answer:
        """One request; its answer."""
        from urllib.parse import unquote

        raw = raw_path if raw_path is not None else path
        sent = json.dumps(body).encode() if isinstance(body, dict) else body
        scope: dict[str, Any] = {
            "type": kind,
            "path": unquote(raw),
            "raw_path": raw.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
            "client": (client, 1234),
            "scheme": "http",
            "extensions": extensions or {},
        }
        if kind == "http":
            scope["method"] = method
        else:
            offers = [value for name, value in headers if name == "Sec-WebSocket-Protocol"]
            scope["subprotocols"] = [one.strip() for text in offers for one in text.split(",")]
        answer = Answer()
        chunks = [sent[at : at + CHUNK] for at in range(0, len(sent), CHUNK)] or [b""]

        async def receive() -> Any:
            if kind == "websocket":
                return {"type": "websocket.connect"}
            self.reads.append(path)
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

        async def send(message: Any) -> None:
            match message["type"]:
                case "http.response.start" | "websocket.http.response.start":
                    answer.status = message["status"]
                    answer.headers = {
                        name.decode(): value.decode() for name, value in message["headers"]
                    }
                case "http.response.body" | "websocket.http.response.body":
                    answer.body += message.get("body", b"")
                case "websocket.close":
                    answer.closed = message["code"]
                case "websocket.accept":
                    answer.status = 101

        await self.app(scope, receive, send)
        return answer


class MakeHooked(Protocol):
    """Puts the hooks around an application."""

    def __call__(
        self,
        products: Sequence[Product] = ...,
        rules: Sequence[EntraRule] = ...,
        *,
        state: AccessState | None = None,
        fetch: Any = None,
        **settings: Any,
    ) -> Hooked:
        """Settings are those of `[access]`."""


ALL = Product(name="all")


@pytest.fixture
def hooked(tmp_path: Path, clock: Any) -> Iterator[MakeHooked]:
    """Hooks in this process; closed after the test."""
    with ExitStack() as stack:

        def make(
            products: Sequence[Product] = (ALL,),
            rules: Sequence[EntraRule] = (),
            *,
            state: AccessState | None = None,
            fetch: Any = None,
            **given: Any,
        ) -> Hooked:
            settings, sink, inner = AccessSettings(**given), MemorySink(), Inner()
            meter = Meter(HookSettings.load(home=tmp_path, gateway="under-test"), sink)
            stack.callback(meter.close)
            if state is None:
                options = {"fetch": fetch} if fetch else {}
                state = AccessState(tmp_path, meter.fingerprints.key_id, clock=clock, **options)
                stack.callback(state.close)
            app = AccessControl(
                UsageMiddleware(Permissions(inner, settings, products, state.owners), meter),
                settings,
                state.door(settings, rules),
                refused=UsageMiddleware(answer_denied, meter),
            )
            keys = KeyFile(
                tmp_path / "gateway-keys.sqlite", now_s=lambda: clock.wall_ns() / SECOND_NS
            )
            return Hooked(app, inner, sink, state, keys)

        yield make


@pytest.fixture
def make_key(tmp_path: Path, clock: Any) -> Callable[..., str]:
    """Make keys in the store of the test; the key itself."""
    keys = KeyFile(tmp_path / "gateway-keys.sqlite", now_s=lambda: clock.wall_ns() / SECOND_NS)

    def make(name: str = "checkout", product: str = "all", **options: Any) -> str:
        return keys.create(
            name, product=product, team="payments", fingerprint=lambda _: f"k_{name}", **options
        )

    return make


@dataclass
class RunningAccess:
    """A gateway with access control on a real port."""

    url: str
    sink: MemorySink
    state: AccessState

    @property
    def events(self) -> list[UsageEvent]:
        """What was recorded, each line checked."""
        return [validate_line(line) for line in self.sink.lines]


@pytest.fixture
def start_access(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., RunningAccess]]:
    """Start gateways with access control in front of one backend; all end with the test."""
    import threading
    import time

    monkeypatch.setenv("BACKEND_KEY", "the-backends-own-key")
    with ExitStack() as stack:

        def start(
            backend: str,
            products: Sequence[Product] = (ALL,),
            rules: Sequence[EntraRule] = (),
            fetch: Any = None,
        ) -> RunningAccess:
            settings, sink = AccessSettings(), MemorySink()
            meter = Meter(HookSettings.load(home=tmp_path, gateway="under-test"), sink)
            stack.callback(meter.close)
            options = {"fetch": fetch} if fetch else {}
            state = AccessState(tmp_path, meter.fingerprints.key_id, **options)
            stack.callback(state.close)
            gateway = Gateway([Backend.parse(f"{backend},key=BACKEND_KEY")])
            app = AccessControl(
                UsageMiddleware(Permissions(gateway, settings, products, state.owners), meter),
                settings,
                state.door(settings, rules),
                refused=UsageMiddleware(answer_denied, meter),
            )
            server, listener = server_for(app, drain_seconds=2), listen("127.0.0.1", 0)
            thread = threading.Thread(
                target=server.run, kwargs={"sockets": [listener]}, daemon=True
            )
            thread.start()

            def stop() -> None:
                server.should_exit = True
                thread.join()
                listener.close()

            stack.callback(stop)
            deadline = time.monotonic() + 20
            while not server.started:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            return RunningAccess(f"http://127.0.0.1:{listener.getsockname()[1]}", sink, state)

        yield start


@dataclass
class Issuer:
    """An issuer of tokens with its published keys; `fetch` is the network."""

    clock: Any
    private: dict[str, Any] = field(default_factory=dict)
    published: list[dict[str, Any]] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    is_down: bool = False
    issuer: str = V2
    jwks_uri: str = "https://login.microsoftonline.com/keys"

    def add_rsa(self, kid: str) -> None:
        """Begin to sign by one more key."""
        self.private[kid] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.private[kid].public_key(), as_dict=True)
        self.published.append({**public, "kid": kid, "use": "sig"})

    def add_ec(self, kid: str) -> None:
        """The same on a curve."""
        self.private[kid] = ec.generate_private_key(ec.SECP256R1())
        public = jwt.algorithms.ECAlgorithm.to_jwk(self.private[kid].public_key(), as_dict=True)
        self.published.append({**public, "kid": kid, "use": "sig"})

    async def fetch(self, url: str) -> dict[str, Any]:
        """What the issuer serves."""
        self.fetched.append(url)
        if self.is_down:
            raise FetchFailed(f"{url} does not answer")
        if url.endswith("/openid-configuration"):
            return {"issuer": self.issuer, "jwks_uri": self.jwks_uri}
        return {"keys": list(self.published)}

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Of a good token; None takes a claim away."""
        now = int(self.clock.wall_ns() / SECOND_NS)
        base = {
            "iss": V2,
            "aud": AUDIENCE,
            "oid": "caller-object-id",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "roles": ["LLM.Use"],
        }
        return {name: value for name, value in (base | changed).items() if value is not None}

    def token(self, kid: str = "one", algorithm: str = "RS256", **changed: Any) -> str:
        """A token; `headers` adds to its head, the rest are claims."""
        headers = {"kid": kid, **changed.pop("headers", {})}
        return jwt.encode(
            self.claims(**changed), self.private[kid], algorithm=algorithm, headers=headers
        )


@pytest.fixture(scope="session")
def _rsa_key() -> Any:
    """Made once: making one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def issuer(clock: Any, _rsa_key: Any) -> Issuer:
    """With one RSA key, called `one`."""
    made = Issuer(clock)
    made.private["one"] = _rsa_key
    public = jwt.algorithms.RSAAlgorithm.to_jwk(_rsa_key.public_key(), as_dict=True)
    made.published.append({**public, "kid": "one", "use": "sig"})
    return made


@pytest.fixture
def rule() -> EntraRule:
    """Lets tokens with the role in."""
    return EntraRule(
        tenant=TENANT, audiences=(AUDIENCE,), roles=("LLM.Use",), product="all", team="research"
    )
