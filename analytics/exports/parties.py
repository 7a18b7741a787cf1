"""The bill's parties, which requests do not know: who pays, who sells, who sends the invoice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

SubAccount = Literal["team", "key"]


@dataclass(frozen=True, slots=True)
class Parties:
    """Names and ids as the invoice has them; the defaults fit Azure OpenAI sold by Microsoft."""

    billing_account_id: str = "gatemeter"
    billing_account_name: str = "gatemeter"
    billing_account_type: str = "Gateway"
    invoice_issuer: str = "Microsoft"
    provider: str = "Microsoft"
    publisher: str = "Microsoft"
    service: str = "Azure OpenAI"
    sub_account: SubAccount = "team"
    resource_ids: Mapping[str, str] = field(default_factory=dict)
    """Azure resource id by backend."""
