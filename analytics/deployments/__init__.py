"""What deployments are and were: Azure's own list of them read, kept with its history, checked."""

from analytics.deployments.azure_list import Listing, read_listing
from analytics.deployments.check import Finding, check
from analytics.deployments.history import Change, import_listing
from analytics.deployments.listing import deployments_frame

__all__ = [
    "Change",
    "Finding",
    "Listing",
    "check",
    "deployments_frame",
    "import_listing",
    "read_listing",
]
