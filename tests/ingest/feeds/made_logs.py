"""Records in the shapes that other gateways log, with made-up values. None removes a key."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

MORNING = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
"""When the requests of all feeds began, give or take their number of seconds."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def body(value: object, *, indent: int | None = None) -> bytes:
    """A message."""
    return json.dumps(value, indent=indent).encode()


def shuffled(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records in another order, each time the same one."""
    return sorted(records, key=lambda one: hashlib.sha256(body(one)).digest())


def at(number: int) -> datetime:
    """When request `number` began."""
    return MORNING + timedelta(seconds=number)


def us_time(moment: datetime) -> str:
    """As `DateTime.ToString()` writes it in US culture."""
    half = "AM" if moment.hour < 12 else "PM"
    clock = f"{(moment.hour - 1) % 12 + 1}:{moment.minute:02d}:{moment.second:02d}"
    return f"{moment.month}/{moment.day}/{moment.year} {clock} {half}"


def _made(record: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**record, **changes}.items() if value is not None}


def hub_event(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A usage event of ai-hub-gateway: one chat answer."""
    record = {
        "id": f"chatcmpl-made{number:04d}",
        "timestamp": us_time(at(number)),
        "appId": "NA",
        "subscriptionId": "sub-retail",
        "productName": "Retail-Assistant",
        "targetService": "chat.completion",
        "model": "gpt-4o-2024-11-20",
        "gatewayName": "apim-made-up",
        "gatewayRegion": "East US",
        "aiGatewayId": "managed",
        "RequestIp": "203.0.113.7",
        "operationName": "Creates a completion for the chat message",
        "sessionId": "NA",
        "endUserId": "NA",
        "backendId": "openai-backend-0",
        "routeLocation": "East US",
        "routeName": "EastUS",
        "deploymentName": "chat",
        "promptTokens": 1000,
        "responseTokens": 100,
        "totalTokens": 1100,
    }
    return _made(record, changes)


def hub_sum(number: int = 1, **changes: Any) -> dict[str, Any]:
    """An hour of streamed calls, as the sample's Logic App writes it."""
    nothing = dict.fromkeys(("appId", "sessionId", "endUserId", "backendId", "RequestIp"), "NA")
    record = {
        "id": f"streaming-0000-{number:04d}",
        "timestamp": "2026-11-20T09:00:00Z",
        "model": "streaming",
        "promptTokens": "50000",
        "responseTokens": "7000",
        "totalTokens": "57000",
    }
    return _made({**hub_event(number), **nothing, **record}, changes)


def pii_event() -> dict[str, Any]:
    """A record of ai-hub-gateway's PII processing, which holds the original text."""
    return {
        "id": "pii-1",
        "timestamp": "2026-11-20T09:30:00.0000000Z",
        "type": "PII_Processing",
        "context": {"content": {"originalRequest": "call CANARY at 555"}},
        "mappings": [{"CANARY": "<PERSON>"}],
    }


def gateway_record(
    number: int = 1, *, properties: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """GatewayLogs of one chat request, as a hub gets it."""
    inner = {
        "method": "POST",
        "url": "https://apim-made-up.azure-api.net/openai/deployments/chat/chat/completions"
        "?api-version=2024-10-21",
        "backendMethod": "POST",
        "backendUrl": "https://sweden.openai.azure.com/openai/deployments/chat/chat/completions"
        "?api-version=2024-10-21",
        "backendId": "openai-pool",
        "responseCode": 200,
        "backendResponseCode": 200,
        "responseSize": 900,
        "requestSize": 400,
        "backendTime": 700,
        "cache": "none",
        "apiId": "azure-openai",
        "operationId": "ChatCompletions_Create",
        "apimSubscriptionId": "sub-retail",
        "productId": "retail",
        "userId": "1",
        "clientProtocol": "HTTP/1.1",
    }
    record = {
        "time": at(number).strftime("%Y-%m-%dT%H:%M:%S.1234567Z"),
        "category": "GatewayLogs",
        "correlationId": f"00000000-0000-4000-8000-{number:012d}",
        "durationMs": 800,
        "callerIpAddress": "203.0.113.7",
        "operationName": "Microsoft.ApiManagement/GatewayLogs",
        "isRequestSuccess": True,
        "location": "Sweden Central",
        "resourceId": "/SUBSCRIPTIONS/1/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.APIMANAGEMENT"
        "/SERVICE/APIM-MADE-UP",
        "properties": _made(inner, properties or {}),
    }
    return _made(record, changes)


def llm_record(
    number: int = 1, *, properties: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """GatewayLlmLogs of the same request."""
    inner = {
        "correlationId": f"00000000-0000-4000-8000-{number:012d}",
        "requestId": f"chatcmpl-made{number:04d}",
        "modelName": "gpt-4o-2024-11-20",
        "deploymentName": "chat",
        "promptTokens": 1000,
        "completionTokens": 100,
        "totalTokens": 1100,
        "promptCachedTokens": 200,
        "isStreamCompletion": False,
        "sequenceNumber": 0,
        "requestMessages": [{"role": "user", "content": "CANARY"}],
        "responseMessages": [{"role": "assistant", "content": "CANARY"}],
    }
    record = {
        "time": (at(number) + timedelta(milliseconds=750)).strftime("%Y-%m-%dT%H:%M:%S.%f7Z"),
        "category": "GatewayLlmLogs",
        "correlationId": f"00000000-0000-4000-8000-{number:012d}",
        "operationName": "Microsoft.ApiManagement/GatewayLlmLogs",
        "resourceId": "/SUBSCRIPTIONS/1/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.APIMANAGEMENT"
        "/SERVICE/APIM-MADE-UP",
        "properties": _made(inner, properties or {}),
    }
    return _made(record, changes)


def as_table_row(record: dict[str, Any]) -> dict[str, Any]:
    """A record of API Management as a row of Log Analytics: flat, in Pascal case, with its time."""
    renamed = {"durationMs": "TotalTime", "time": "TimeGenerated"}
    tables = {
        "GatewayLogs": "ApiManagementGatewayLogs",
        "GatewayLlmLogs": "ApiManagementGatewayLlmLog",
    }
    flat = {key: value for key, value in record.items() if key not in {"properties", "category"}}
    flat |= record["properties"]
    row = {renamed.get(key, key[0].upper() + key[1:]): value for key, value in flat.items()}
    return {**row, "Type": tables[record["category"]], "SourceSystem": "Azure"}


def envelope(*records: dict[str, Any]) -> dict[str, Any]:
    """Azure Monitor's."""
    return {"records": list(records)}


def request_response(
    number: int = 1, *, properties: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """A RequestResponse log of an Azure OpenAI resource."""
    inner = {
        "apiName": "Azure OpenAI API version 2024-10-21",
        "requestTime": ticks(at(number)),
        "responseTime": ticks(at(number) + timedelta(milliseconds=900)),
        "requestLength": 120,
        "responseLength": 800,
        "objectId": "",
        "streamType": "Non-Streaming",
        "modelDeploymentName": "chat",
        "modelName": "gpt-4o",
        "modelVersion": "2024-11-20",
    }
    record = {
        "Tenant": "eastus",
        "callerIpAddress": "203.0.113.***",
        "category": "RequestResponse",
        "correlationId": f"00000000-0000-4000-9000-{number:012d}",
        "durationMs": 905,
        "event": "ShoeboxCallResult",
        "location": "swedencentral",
        "operationName": "ChatCompletions_Create",
        "resourceId": "/SUBSCRIPTIONS/1/RESOURCEGROUPS/RG/PROVIDERS"
        "/MICROSOFT.COGNITIVESERVICES/ACCOUNTS/AOAI-SWEDEN",
        "resultSignature": "200",
        "time": at(number).strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
        "properties": _made(inner, properties or {}),
    }
    return _made(record, changes)


def ticks(moment: datetime) -> int:
    """.NET's."""
    return 621_355_968_000_000_000 + (moment - _EPOCH) // timedelta(microseconds=1) * 10


def litellm(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A StandardLoggingPayload of LiteLLM's proxy."""
    began = at(number).timestamp()
    record = {
        "id": f"chatcmpl-made{number:04d}",
        "litellm_call_id": f"call-{number:04d}",
        "trace_id": f"trace-{number:04d}",
        "call_type": "acompletion",
        "stream": False,
        "status": "success",
        "custom_llm_provider": "azure",
        "startTime": began,
        "endTime": began + 0.9,
        "completionStartTime": began + 0.3,
        "model": "azure/chat",
        "model_id": "sweden-chat",
        "model_group": "gpt-4o",
        "api_base": "https://sweden.openai.azure.com",
        "metadata": {
            "user_api_key_hash": "0f" * 32,
            "user_api_key_alias": "search-app",
            "user_api_key_team_alias": "search",
            "usage_object": {
                "prompt_tokens": 1000,
                "completion_tokens": 100,
                "total_tokens": 1100,
                "prompt_tokens_details": {"cached_tokens": 200},
            },
        },
        "cache_hit": False,
        "end_user": "someone@example.org",
        "requester_ip_address": "203.0.113.7",
        "messages": [{"role": "user", "content": "CANARY"}],
        "response": {
            "id": f"chatcmpl-made{number:04d}",
            "model": "gpt-4o-2024-11-20",
            "choices": [{"finish_reason": "stop", "message": {"content": "CANARY"}}],
        },
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "total_tokens": 1100,
        "model_parameters": {"temperature": 0.5},
        "hidden_params": {"additional_headers": {"llm_provider-x-ms-region": "Sweden Central"}},
        "error_str": None,
    }
    return {**record, **changes}


def attribute(key: str, value: object) -> dict[str, Any]:
    """An attribute of OTLP: integers are text there."""
    match value:
        case bool():
            return {"key": key, "value": {"boolValue": value}}
        case int():
            return {"key": key, "value": {"intValue": str(value)}}
        case float():
            return {"key": key, "value": {"doubleValue": value}}
        case list():
            items = [{"stringValue": one} for one in value]
            return {"key": key, "value": {"arrayValue": {"values": items}}}
    return {"key": key, "value": {"stringValue": value}}


def span(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A span of a model call; `changes` are attributes with `__` for each dot."""
    began = (at(number) - _EPOCH) // timedelta(microseconds=1) * 1000
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.request.model": "chat",
        "gen_ai.response.model": "gpt-4o-2024-11-20",
        "gen_ai.response.id": f"chatcmpl-made{number:04d}",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.cache_read.input_tokens": 200,
        "gen_ai.usage.output_tokens": 100,
        "gen_ai.input.messages": '[{"role": "user", "content": "CANARY"}]',
        "server.address": "sweden.openai.azure.com",
    }
    named = {key.replace("__", "."): value for key, value in changes.items()}
    present = {key: value for key, value in {**attributes, **named}.items() if value is not None}
    return {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": "chat gpt-4o",
        "kind": 3,
        "startTimeUnixNano": str(began),
        "endTimeUnixNano": str(began + 900_000_000),
        "attributes": [attribute(key, value) for key, value in present.items()],
        "status": {},
    }


def otlp(*spans: dict[str, Any]) -> dict[str, Any]:
    """An export request of OTLP with one resource and one scope."""
    resource = {"attributes": [attribute("service.name", "gw-otel")]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}
