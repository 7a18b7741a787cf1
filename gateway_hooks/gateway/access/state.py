"""What access control keeps while settings are reloaded: keys, counts, owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_hooks.clock import SystemClock
from gateway_hooks.gateway.access import key_file, owners
from gateway_hooks.gateway.access.access_control import Door
from gateway_hooks.gateway.access.entra import EntraTokens
from gateway_hooks.gateway.access.failures import Failures
from gateway_hooks.gateway.access.fetch import fetch_json
from gateway_hooks.gateway.access.key_snapshot import KeySnapshot
from gateway_hooks.gateway.access.signing_keys import SigningKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.access.fetch import Fetch
    from gateway_hooks.gateway.access.settings import AccessSettings, EntraRule


class AccessState:
    """One for each worker process."""

    def __init__(
        self,
        home: Path,
        fingerprint: Callable[[str], str],
        *,
        clock: Clock | None = None,
        fetch: Fetch = fetch_json,
    ) -> None:
        """Make what needs no settings; no file is opened yet.

        Args:
            home: GATEMETER_HOME.
            fingerprint: `meter.fingerprints.key_id`.
            clock: the system's unless a test has another.
            fetch: how issuers' documents are fetched.
        """
        self.owners = owners.OwnersFile(home / owners.FILE_NAME)
        self._home = home
        self._fingerprint = fingerprint
        self._clock: Clock = clock or SystemClock()
        self._fetch = fetch
        self._failures = Failures(self._clock)
        self._keys: KeySnapshot | None = None
        self._keys_path: Path | None = None
        self._signing: dict[tuple[str, tuple[str, ...]], SigningKeys] = {}

    def door(self, settings: AccessSettings, rules: Sequence[EntraRule] = ()) -> Door:
        """What callers are checked against, by settings that may have changed."""
        path = settings.key_store or self._home / key_file.FILE_NAME
        if self._keys is None or path != self._keys_path:
            self._keys, self._keys_path = KeySnapshot(path, self._clock), path
        tokens = self._tokens(rules) if rules else None
        return Door(self._keys, tokens, self._failures, self._clock)

    def problems(self) -> Iterator[str]:
        """One line for each thing that cannot be renewed, for a page that tells of health."""
        signing = (keys.problem for keys in self._signing.values())
        keys = None if self._keys is None else self._keys.problem
        yield from (one for one in (keys, self.owners.problem, *signing) if one is not None)

    def close(self) -> None:
        """Close the files."""
        self.owners.close()

    def _tokens(self, rules: Sequence[EntraRule]) -> EntraTokens:
        issuers: dict[str, set[str]] = {}
        for rule in rules:
            issuers.setdefault(rule.configuration_url, set()).update(rule.issuers)
        wanted = {(url, tuple(sorted(named))): url for url, named in issuers.items()}
        self._signing = {
            key: self._signing.get(key)
            or SigningKeys(url, key[1], fetch=self._fetch, clock=self._clock)
            for key, url in wanted.items()
        }
        by_url = {url: self._signing[key] for key, url in wanted.items()}
        return EntraTokens(rules, by_url, self._fingerprint, self._clock)
