"""What an export says of the bill's parties: TOML `[focus]`, because requests do not know it.

The exports take the same as `analytics.exports.parties.Parties`; this model stands apart from it,
because settings are also read where the store's packages are not installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway_hooks.event import Name

if TYPE_CHECKING:
    from analytics.exports.parties import Parties


class FocusSettings(BaseModel):
    """Names and ids as the invoice has them; the defaults fit Azure OpenAI sold by Microsoft."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    billing_account_id: Annotated[
        Name, Field(description="Id of the account that pays: an Azure billing account")
    ] = "gatemeter"
    billing_account_name: Annotated[Name, Field(description="Its name")] = "gatemeter"
    billing_account_type: Annotated[
        Name, Field(description="What it is, such as `Billing Profile`")
    ] = "Gateway"
    invoice_issuer: Annotated[Name, Field(description="Who sends the invoice")] = "Microsoft"
    provider: Annotated[Name, Field(description="Who sells the service and hosts it")] = "Microsoft"
    publisher: Annotated[Name, Field(description="Who made the service")] = "Microsoft"
    service: Annotated[Name, Field(description="What the service is called")] = "Azure OpenAI"
    sub_account: Annotated[
        Literal["team", "key"],
        Field(description="Whose account within the billing account a row is on"),
    ] = "team"
    resource_ids: Annotated[
        dict[Name, Name],
        Field(description="Azure resource id by backend; without it `backend/deployment`"),
    ] = {}

    def parties(self) -> Parties:
        """The same for an export."""
        from analytics.exports.parties import Parties

        return Parties(**self.model_dump())
