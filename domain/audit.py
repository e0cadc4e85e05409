"""Events about the ledger itself."""

from __future__ import annotations

from domain.event import Event, register


@register
class LedgerSealed(Event, frozen=True, kw_only=True, tag="ledger-sealed.v1"):
    """The log up to a position was sealed: a signed statement of it was written outside the log.

    position: of the last event that the seal covers; head: that event's hash, in hex; root: of the Merkle tree (RFC 6962)
    over the hashes of the first `position` events, in hex; public_key, signature: Ed25519, in hex. occurred_at: the time in
    the statement.
    """

    position: int
    head: str
    root: str
    public_key: str
    signature: str
