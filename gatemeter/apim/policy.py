"""The policy that makes API Management send our usage event by itself.

It is put together from the C# beside this file. In XML that C# has to be escaped; the portal's
editor, Terraform and `rawxml` want it as it is. Both are made of the same text.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import Final
from xml.sax.saxutils import escape

NAMED_VALUE: Final = re.compile(r"[A-Za-z0-9-._]{1,256}")
LOGGER: Final = re.compile(r"[A-Za-z0-9-]{1,256}")
GATEWAY: Final = re.compile(r"[^\"\\\x00-\x1f]{1,256}")
_PLACEHOLDER: Final = re.compile(r"%(GATEWAY|HASH)%")
_FRAME: Final = """\
<policies>
  <inbound>
    <base />
    <!-- The model that the caller names in the body; nothing else of the body is looked at. -->
    <set-variable name="gatemeter-model" value='@{{
{model}    }}' />
  </inbound>
  <backend>
    <base />
  </backend>
  <outbound>
    <base />
    <log-to-eventhub logger-id="{logger}">@{{
{event}    }}</log-to-eventhub>
  </outbound>
  <on-error>
    <base />
    <log-to-eventhub logger-id="{logger}">@{{
{event}    }}</log-to-eventhub>
  </on-error>
</policies>
"""


def policy(
    logger: str, *, gateway: str | None = None, salt: str | None = None, escaped: bool = False
) -> str:
    """The policy document for an API.

    Args:
        logger: id of the Event Hubs logger in API Management.
        gateway: the gateway's name in events; the service's own name when not given.
        salt: the named value that holds GATEMETER_KEY_SALT, so that key ids are those of other
            feeds; without one they are a plain SHA-256 of the subscription's id.
        escaped: as XML for templates; otherwise as the portal's editor takes it.

    Raises:
        ValueError: a name holds something that it cannot; the message says which.
    """
    _check("logger", logger, LOGGER)
    if gateway is not None:
        _check("gateway", gateway, GATEWAY)
    if salt is not None:
        _check("salt", salt, NAMED_VALUE)
    values = {
        "GATEWAY": "context.Deployment.ServiceName" if gateway is None else f'"{gateway}"',
        "HASH": "SHA256.Create()"
        if salt is None
        else f'new HMACSHA256(Encoding.UTF8.GetBytes("{{{{{salt}}}}}"))',
    }
    event = _PLACEHOLDER.sub(lambda match: values[match[1]], _source("usage_event.cs"))
    model = _source("request_model.cs")
    if escaped:
        event, model = escape(event), escape(model)
    return _FRAME.format(logger=logger, event=_indented(event), model=_indented(model))


def _source(name: str) -> str:
    return resources.files("gatemeter.apim").joinpath(name).read_text("utf-8")


def _indented(code: str) -> str:
    return "".join(
        f"    {line}" if line.strip() else line for line in code.splitlines(keepends=True)
    )


def _check(what: str, value: str, allowed: re.Pattern[str]) -> None:
    if allowed.fullmatch(value) is None:
        raise ValueError(f"{what} {value!r} is no name that API Management takes")
