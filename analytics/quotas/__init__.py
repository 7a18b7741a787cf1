"""Quotas: what was contracted for a deployment, and how much of it is used, minute by minute."""

from analytics.quotas.quota import Contract, Quota, contracts
from analytics.quotas.report import full_minutes, quota_report

__all__ = ["Contract", "Quota", "contracts", "full_minutes", "quota_report"]
