"""What OpenAPI and the page of documentation show; a test holds each to its shape."""

KEY_ID = "3uGk0aXb2Q"
OWNER_ID = "own_7f3a9c1e5b2d4860"
LEAK_ID = "leak_5d41402abc4b2a76"
_CREATED = "2026-11-23T13:57:08.123456Z"
_EXPIRES = "2027-02-21T13:57:08.123456Z"

KEY: dict[str, object] = {
    "id": KEY_ID,
    "prefix": "acme_live",
    "owner": "owner@example.com",
    "owner_id": OWNER_ID,
    "name": "ci",
    "meta": {"team": "billing"},
    "scopes": ["invoices:read"],
    "addresses": [],
    "rate_limit": "100/minute",
    "quota": "10000/month",
    "state": "active",
    "quarantine_scopes": None,
    "created": _CREATED,
    "not_before": None,
    "expires": _EXPIRES,
    "overlap_until": None,
    "predecessor_id": None,
    "successor_id": None,
    "revoked": None,
    "revoke_reason": None,
    "revoke_evidence": None,
    "last_used": None,
    "legacy": None,
}
NEW_KEY: dict[str, object] = {
    "prefix": "acme_live",
    "owner": "owner@example.com",
    "name": "ci",
    "scopes": ["invoices:read"],
    "expires_in": "90d",
    "rate_limit": "100/minute",
    "quota": "10000/month",
}
ISSUED: dict[str, object] = {"key": "acme_live_kf1…", **KEY}
ROTATED: dict[str, object] = {
    **ISSUED,
    "id": "9ZtQw1LmPe",
    "predecessor_id": KEY_ID,
    "predecessor": KEY
    | {"successor_id": "9ZtQw1LmPe", "overlap_until": "2026-11-24T13:57:08.123456Z"},
}
REVOKED: dict[str, object] = KEY | {
    "state": "revoked",
    "revoked": "2026-11-24T09:00:00Z",
    "revoke_reason": "no longer used",
}
IMPORT: dict[str, object] = {
    "keys": [
        {
            "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "owner": "owner@example.com",
            "prefix": "acme_old",
            "name": "from the old system",
        }
    ],
    "check": True,
}
USAGE: dict[str, object] = {
    "key_id": KEY_ID,
    "hours": [{"hour": "2026-11-24T08:00:00Z", "valid": 120, "refused": 3, "spent": 120}],
    "events": [],
}
OWNER: dict[str, object] = {
    "id": OWNER_ID,
    "email": "owner@example.com",
    "name": "Billing",
    "created": _CREATED,
}
LEAK: dict[str, object] = {
    "id": LEAK_ID,
    "key_id": KEY_ID,
    "owner_id": OWNER_ID,
    "action": "revoke",
    "state": "notified",
    "first_seen": "2026-11-24T09:00:00Z",
}
INCIDENT: dict[str, object] = {
    **LEAK,
    "claimed": "2026-11-24T08:58:31Z",
    "key": {
        "prefix": "acme_live",
        "name": "ci",
        "owner": "owner@example.com",
        "scopes": ["invoices:read"],
        "state": "revoked",
        "revoked": "2026-11-24T09:00:00Z",
        "predecessor_id": None,
        "successor_id": None,
    },
    "use": {"valid": 0, "last": None},
    "evidence": [
        {
            "from": "github",
            "trust": "signed",
            "source": "commit",
            "url": "https://github.com/example/repository/blob/main/config.py",
            "commit": None,
            "path": None,
            "line": None,
            "claimed": "2026-11-24T08:58:31Z",
            "seen": "2026-11-24T09:00:00Z",
            "receipt": "4a7d1ed414474e4033ac29ccb8653d9b",
        }
    ],
    "steps": [{"step": "mail", "state": "done", "detail": None, "at": "2026-11-24T09:00:02Z"}],
}
ENTRY: dict[str, object] = {
    "seq": 42,
    "at": "2026-11-24T09:00:00Z",
    "actor": "key:9ZtQw1LmPe",
    "origin": "192.0.2.7",
    "action": "key.revoked",
    "subject": KEY_ID,
    "detail": {"reason": "no longer used"},
}
HEAD = "42:" + "5d41402abc4b2a76b9719d911017c592" * 2
CHAIN: dict[str, object] = {
    "ok": True,
    "checked": 42,
    "problem": None,
    "head": HEAD,
    "end": HEAD,
    "next": None,
}
JOB: dict[str, object] = {
    "id": "notify-4a7d1ed4-own_7f3a9c1e5b2d4860",
    "kind": "notify",
    "state": "undeliverable",
    "reason": "no mail server is configured",
    "created": "2026-11-24T09:00:00Z",
    "updated": "2026-11-24T09:00:01Z",
    "line": OWNER_ID,
    "arguments": ["4a7d1ed4", OWNER_ID],
    "worker": None,
}
