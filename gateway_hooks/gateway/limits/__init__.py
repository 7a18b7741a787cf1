"""Limits of tokens, requests and running requests, for keys, teams, products and deployments.

`TokenLimits` is the policy, `Limit` one limit of its settings. `LocalCounters` count in one
process; `gateway_hooks.gateway.limits.redis.RedisCounters` in Redis or Valkey, for all of them.
"""

from gateway_hooks.gateway.limits.counting import Counters
from gateway_hooks.gateway.limits.estimate import Estimator
from gateway_hooks.gateway.limits.local import LocalCounters
from gateway_hooks.gateway.limits.settings import Limit, SharedCounters
from gateway_hooks.gateway.limits.token_limits import TokenLimits

__all__ = ["Counters", "Estimator", "Limit", "LocalCounters", "SharedCounters", "TokenLimits"]
