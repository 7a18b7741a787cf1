"""Whether a product may call what a request names: first by its line, then by its body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway_hooks.gateway.access import not_permitted as refusing
from gateway_hooks.gateway.access.request_line import names_elsewhere
from gateway_hooks.gateway.access.request_names import (
    Ambiguous,
    BodyNames,
    names_in_form,
    names_in_json,
)
from gateway_hooks.reading.operations import recognise

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Scope
    from gateway_hooks.gateway.access.denied import Denied
    from gateway_hooks.gateway.access.products import Allowance
    from gateway_hooks.gateway.access.request_line import RequestLine
    from gateway_hooks.gateway.incoming import IncomingRequest

_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_UPLOADS: Final = frozenset({"files", "parts"})
"""What takes files of any length and no model."""
_FORM: Final = b"multipart/form-data"


def by_line(allowance: Allowance, line: RequestLine, scope: Scope) -> Denied | None:
    """Judge the path, the headers and, for realtime, the query: all that they name is allowed."""
    if line.leads_past_the_gateway and not allowance.may_leave_the_gateway:
        return refusing.operation()
    if allowance.is_unrestricted:
        return None
    elsewhere = names_elsewhere(scope, line)
    if not all(allowance.may_call(name) for name in (*line.deployments, *elsewhere)):
        return refusing.deployment()
    if _path_decides(line, scope):
        return None
    if scope["type"] == "websocket":
        return None if elsewhere else refusing.deployment()
    return None if _may_go_on(allowance, line, scope) else refusing.operation()


def _may_go_on(allowance: Allowance, line: RequestLine, scope: Scope) -> bool:
    """Whether a request whose line names no deployment is allowed, or its body decides."""
    if allowance.allows_other_operations:
        return True
    if line.is_work_of_files:
        return False
    return bool(line.items) or scope["method"] in _WITH_BODY


def wants_body(allowance: Allowance, line: RequestLine, scope: Scope) -> bool:
    """Whether the body has a say, too: it names the model, or stored items."""
    if scope["type"] != "http" or scope["method"] not in _WITH_BODY:
        return False
    if line.may_refer:
        return True
    is_upload = line.segments[-1:] != () and line.segments[-1] in _UPLOADS
    return not (allowance.is_unrestricted or _path_decides(line, scope) or is_upload)


def _path_decides(line: RequestLine, scope: Scope) -> bool:
    """Whether the deployment of the path is the one that serves, for us as for the backend.

    A path such as `/deployments/a/openai/v1/chat/completions` names one, too, but who skips
    prefixes, as proxies do, goes by the model of the body.
    """
    if not line.deployments:
        return False
    query = scope.get("query_string", b"").decode("latin-1")
    call = recognise(scope.get("method") or "GET", scope["path"], query)
    return line.begins_at_deployment or call.deployment in line.deployments


def by_body(
    allowance: Allowance, line: RequestLine, request: IncomingRequest, scope: Scope
) -> tuple[Denied | None, tuple[str, ...]]:
    """Judge the body; also the stored items that it refers to."""
    body = request.body.kept
    if body is None:
        return refusing.too_long(), ()
    try:
        names = _read(request, body)
    except Ambiguous as error:
        return refusing.ambiguous_body(str(error)), ()
    is_judged = allowance.is_unrestricted or _path_decides(line, scope)
    return None if is_judged else _by_model(allowance, line, request, names), names.items


def _by_model(
    allowance: Allowance, line: RequestLine, request: IncomingRequest, names: BodyNames
) -> Denied | None:
    model = names.model or request.call.model
    if model is not None:
        return None if allowance.may_call(model) else refusing.deployment()
    if line.items:
        return None  # such as to cancel it: its owner may
    if request.call.reads_usage:
        return refusing.deployment()
    return None if allowance.allows_other_operations else refusing.operation()


def _read(request: IncomingRequest, body: bytes) -> BodyNames:
    types = [value for name, value in request.headers if name.lower() == b"content-type"]
    if len(types) > 1:
        raise Ambiguous("The request has more than one Content-Type.")
    if types and types[0].strip().lower().startswith(_FORM):
        return names_in_form(types[0].decode("latin-1"), body)
    return names_in_json(body) if body else BodyNames()
