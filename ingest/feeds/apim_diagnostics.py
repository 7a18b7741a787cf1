"""Azure API Management's diagnostic logs, from a hub, a storage account or Log Analytics.

A request to a model is two records: GatewayLogs tells who asked, how it ended and where it went,
GatewayLlmLogs tells the tokens. Each becomes a half; the store puts them together by correlation
id, whichever comes first (`analytics.load.join`). The same records as rows of the tables
ApiManagementGatewayLogs and ApiManagementGatewayLlmLog are read too. Keys are matched in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingest.feeds.apim_gateway_half import read_gateway
from ingest.feeds.apim_llm_half import read_llm
from ingest.feeds.types import Refused
from ingest.feeds.values import first, moment, name, obj

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.feeds.types import FeedFacts, FeedPart, Record

FEED: Final = "apim_diagnostics"
_SERVICE: Final = "microsoft.apimanagement/service"
_GATEWAY: Final = frozenset({"gatewaylogs", "apimanagementgatewaylogs"})
_LLM: Final = frozenset({"gatewayllmlogs", "apimanagementgatewayllmlog"})
_OTHERS: Final = frozenset(
    {
        "gatewaymcplogs",
        "websocketconnectionlogs",
        "developerportalauditlogs",
        "apimanagementgatewaymcplog",
        "apimanagementwebsocketconnectionlogs",
        "apimdevportalauditdiagnosticlog",
        "allmetrics",
    }
)
_LLM_KEYS: Final = frozenset({"sequencenumber", "isstreamcompletion", "promptcachedtokens"})


class ApimDiagnostics:
    """See the module."""

    name = FEED

    def matches(self, record: Record) -> bool:
        """See `Feed`."""
        kind = _kind(record.lower)
        return (
            kind in _GATEWAY | _LLM | _OTHERS
            or _SERVICE in str(record.lower.get("resourceid", "")).lower()
        )

    def read(self, record: Record, facts: FeedFacts) -> Iterator[FeedPart | Refused]:
        """See `Feed`."""
        kind = _kind(record.lower)
        if kind not in _GATEWAY and kind not in _LLM:
            if kind not in _OTHERS and "metricname" not in record.lower:
                yield Refused("a record of API Management of a category that is not known")
            return
        values = {**record.lower, **obj(first(record.lower, "properties"))}
        started = moment(first(record.lower, "time", "timegenerated", "timestamp"))
        correlation_id = name(values.get("correlationid")) or name(
            record.lower.get("correlationid")
        )
        if started is None:
            yield Refused("time is no time that is known")
        elif correlation_id is None:
            yield Refused("correlationId is missing, so the halves of the request cannot be joined")
        elif kind in _GATEWAY:
            yield read_gateway(values, facts, started, correlation_id)
        else:
            half = read_llm(values, facts, started, correlation_id)
            if half is not None:
                yield half


def _kind(values: dict[str, Any]) -> str:
    """The category or the table, in lower case; guessed by its columns when neither is told."""
    for key in ("category", "type", "$table"):
        told = values.get(key)
        if isinstance(told, str) and told:
            lowered = told.rpartition("/")[2].lower()
            if lowered in _GATEWAY | _LLM | _OTHERS:
                return lowered
    if "correlationid" in values and "category" not in values:
        keys = values.keys()
        if "prompttokens" in keys and not _LLM_KEYS.isdisjoint(keys):
            return "gatewayllmlogs"
        if "responsecode" in keys and not keys.isdisjoint({"backendresponsecode", "apiid"}):
            return "gatewaylogs"
    return ""
