"""One request to the simulator: who may make it, what it asked, how it is answered and billed."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import FormData

from gatemeter.simulator import errors, faults
from gatemeter.simulator.answers import Pace, StreamedAnswer, WholeAnswer, compact
from gatemeter.simulator.ledger import Entry, Used

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import HTTPConnection, Request
    from starlette.responses import Response

    from gatemeter.simulator.answers import Frame
    from gatemeter.simulator.config import Deployment
    from gatemeter.simulator.resource import SimulatedResource

V1: Final = "v1"
_SLOW_FACTOR = 10.0
_SLOW_AT_LEAST_MS = 500.0
_REGION_NAMES: Final = {
    "eastus": "East US",
    "eastus2": "East US 2",
    "westus": "West US",
    "westus3": "West US 3",
    "northcentralus": "North Central US",
    "southcentralus": "South Central US",
    "canadaeast": "Canada East",
    "westeurope": "West Europe",
    "northeurope": "North Europe",
    "swedencentral": "Sweden Central",
    "francecentral": "France Central",
    "germanywestcentral": "Germany West Central",
    "switzerlandnorth": "Switzerland North",
    "uksouth": "UK South",
    "japaneast": "Japan East",
    "australiaeast": "Australia East",
}


@dataclass(slots=True)
class Call:
    """A request that was let in."""

    resource: SimulatedResource
    request: Request
    operation: str
    deployment: Deployment
    api_version: str
    body: dict[str, Any]
    form: FormData
    fault: str | None
    request_id: str
    rng: Random
    request_bytes: int = 0

    @property
    def model(self) -> str:
        """The model behind the deployment."""
        return self.deployment.model

    @property
    def created(self) -> int:
        """Now, in seconds."""
        return self.resource.now()

    def output_budget(self, limit: int | None) -> tuple[int, bool]:
        """How many tokens to say, and whether the limit of the request cuts that short."""
        wanted = self.rng.randint(*self.resource.config.answer_tokens)
        if limit is not None and limit < wanted:
            return limit, True
        return wanted, False

    def pace(self) -> Pace:
        """This answer's latency, drawn around the configured one."""
        config = self.resource.config
        first = config.first_token_ms * self.rng.uniform(0.7, 1.6)
        token = config.token_ms * self.rng.uniform(0.8, 1.25)
        if self.fault == "slow":
            return Pace(max(first * _SLOW_FACTOR, _SLOW_AT_LEAST_MS), token * _SLOW_FACTOR)
        return Pace(first, token)

    def headers(self) -> dict[str, str]:
        """The headers of every answer of this deployment."""
        headers = resource_headers(self.resource, self.request, self.request_id)
        if self.deployment.region:
            headers["x-ms-region"] = display_region(self.deployment.region)
        headers["x-ms-deployment-name"] = self.deployment.name
        headers["azureml-model-session"] = f"d{self.rng.randrange(10**15):015d}"
        headroom = self.resource.limiters[self.deployment.name].headroom()
        if self.deployment.kind == "ptu":
            # Provisioned deployments tell how full they are instead of what is left.
            headers["azure-openai-deployment-utilization"] = f"{headroom.utilization:.1f}%"
            return headers
        for name in ("limit_tokens", "remaining_tokens", "limit_requests", "remaining_requests"):
            value = getattr(headroom, name)
            if value is not None:
                headers[f"x-ratelimit-{name.replace('_', '-')}"] = str(value)
        return headers

    def reply(
        self, payload: dict[str, Any], used: Used, *, response_id: str | None = None
    ) -> Response:
        """A JSON answer, billed."""
        if self.fault == "no-usage":
            payload.pop("usage", None)
        return self.reply_bytes(compact(payload), "application/json", used, response_id=response_id)

    def reply_bytes(
        self, body: bytes, media_type: str, used: Used, *, response_id: str | None = None
    ) -> Response:
        """An answer of any type, billed."""
        self.bill(used, response_id=response_id)
        return WholeAnswer(
            body,
            media_type=media_type,
            headers=self.headers(),
            seconds=self.pace().whole_seconds(used.output_tokens),
            fault=self.fault,
        )

    def stream(
        self, frames: Sequence[Frame], used: Used, *, response_id: str | None = None
    ) -> Response:
        """A stream, billed by what was sent when it ends."""

        def on_end(tokens: int, *, finished: bool) -> None:
            final = used if finished else used.with_output(tokens)
            self.bill(final, response_id=response_id, streamed=True, finished=finished)

        return StreamedAnswer(
            frames, on_end=on_end, headers=self.headers(), pace=self.pace(), fault=self.fault
        )

    def bill(
        self,
        used: Used,
        *,
        status_code: int = 200,
        response_id: str | None = None,
        streamed: bool = False,
        finished: bool = True,
    ) -> None:
        """Write the ledger's line for this call."""
        self.resource.ledger.add(
            Entry(
                request_id=self.request_id,
                operation=self.operation,
                deployment=self.deployment.name,
                model=self.model,
                status_code=status_code,
                region=self.deployment.region or self.resource.config.region,
                used=used,
                response_id=response_id,
                client_request_id=self.request.headers.get("x-ms-client-request-id"),
                streamed=streamed,
                finished=finished,
                fault=self.fault,
            )
        )


def resource_headers(
    resource: SimulatedResource, request: HTTPConnection, request_id: str
) -> dict[str, str]:
    """Headers that every answer of the resource has, refusals included."""
    headers = {
        "apim-request-id": request_id,
        "x-request-id": str(uuid.uuid4()),
        "x-ms-region": display_region(resource.config.region),
        "x-content-type-options": "nosniff",
        "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
    }
    if client_id := request.headers.get("x-ms-client-request-id"):
        headers["x-ms-client-request-id"] = client_id
    return headers


def display_region(region: str) -> str:
    """The region as x-ms-region has it: "East US 2" for eastus2."""
    return _REGION_NAMES.get(region, region)


def authenticate(resource: SimulatedResource, request: Request) -> None:
    """Check the caller's key or bearer token.

    Raises:
        AzureError: 401.
    """
    _let_in(resource, request, request.headers.get("api-key"))


def authenticate_safety(resource: SimulatedResource, request: Request) -> None:
    """Check the caller's key or bearer token as Content Safety has them.

    Raises:
        AzureError: 401.
    """
    _let_in(resource, request, request.headers.get("ocp-apim-subscription-key"))


def _let_in(resource: SimulatedResource, request: Request, key: str | None) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not key and scheme.lower() == "bearer":
        key = token.strip()
    if not key or (resource.config.keys and key not in resource.config.keys):
        raise errors.unauthorized()


def find_deployment(resource: SimulatedResource, name: object) -> Deployment:
    """The deployment of that name.

    Raises:
        AzureError: 400 when the body names none, 404 when there is none such.
    """
    if not isinstance(name, str) or not name:
        raise errors.bad_request("you must provide a model parameter", "model")
    deployment = resource.config.find(name)
    if deployment is None:
        raise errors.deployment_not_found()
    return deployment


async def read_body(request: Request) -> tuple[dict[str, Any], FormData]:
    """The request's JSON object or form; the other of the two is empty.

    Raises:
        AzureError: 400 when the body is neither.
    """
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return {}, await request.form()
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise errors.bad_request(
            "We could not parse the JSON body of your request. (HINT: This likely means you "
            "aren't using your HTTP library correctly.)"
        ) from None
    if not isinstance(body, dict):
        raise errors.bad_request("Invalid request: the body must be a JSON object")
    return body, FormData()


def answer_rng(seed: int, deployment: str, body: bytes) -> Random:
    """A generator that gives the same answer to the same request of the same deployment."""
    digest = hashlib.sha256(b"%d|%s|%s" % (seed, deployment.encode(), body)).digest()
    return Random(digest)  # noqa: S311 - reproducible filler, no secrets


def estimated_tokens(body: dict[str, Any], raw_bytes: int) -> int:
    """The estimate at arrival that the token limit is checked with: prompt and most output."""
    most = next(
        (
            body[name]
            for name in ("max_tokens", "max_completion_tokens", "max_output_tokens")
            if isinstance(body.get(name), int)
        ),
        16,
    )
    copies = max(_positive(body.get("n")), _positive(body.get("best_of")))
    return raw_bytes // 4 + most * copies


def _positive(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 1


def check_limits(call: Call) -> None:
    """Let the call into the deployment's windows, or refuse it.

    Raises:
        AzureError: 429.
    """
    faults.refuse(call.fault, call.operation, call.api_version)
    limiter = call.resource.limiters[call.deployment.name]
    refusal = limiter.admit(estimated_tokens(call.body, call.request_bytes))
    if refusal is not None:
        raise errors.throttled(refusal, call.operation, call.api_version)
