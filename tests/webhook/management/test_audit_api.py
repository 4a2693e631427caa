"""The audit record is exported and verified in parts that fit together to the whole."""

from typing import Any

from keyfuse_store import audit_file, chain
from support.management import Api, problem


def verify(api: Api, limit: int, heads: list[str] | None = None) -> dict[str, Any]:
    """All parts, one after the other; the last one that was asked for."""
    following: str | None = None
    while True:
        body = {"limit": limit, "heads": heads or []}
        answer = api.post("/v1/audit/verify", body | ({"from": following} if following else {}))
        assert answer.status_code == 200, answer.text
        part: dict[str, Any] = answer.json()
        following = part["next"]
        if following is None:
            return part


def filled(api: Api, number: int = 10) -> Api:
    for _ in range(number):
        api.issue()
    return api


def damage(api: Api, statement: str) -> None:
    with api.store.database.begin() as connection:
        connection.exec_driver_sql(statement)


def test_a_whole_record_is_found_whole_in_parts_of_any_size(api: Api) -> None:
    filled(api)
    whole = api.post("/v1/audit/verify").json()
    assert (whole["ok"], whole["problem"], whole["next"]) == (True, None, None)
    report, head = api.store.verify_record()
    assert (whole["checked"], whole["head"]) == (report.checked, str(head))
    for size in (1, 3, 12, 1000):
        assert verify(api, size) == whole


def test_a_changed_entry_is_found_in_its_part(api: Api) -> None:
    filled(api)
    damage(api, "UPDATE kf_audit SET actor = 'nobody' WHERE seq = 6")
    for size in (1, 4, 1000):
        found = verify(api, size)
        assert (found["ok"], found["checked"]) == (False, 5)
        assert found["problem"] == "entry 6 is not what was written"


def test_a_removed_entry_and_a_cut_end_are_found(api: Api) -> None:
    filled(api)
    damage(api, "DELETE FROM kf_audit WHERE seq = 6")
    assert verify(api, 5)["problem"] == "entry 6 is missing"
    damage(api, "DELETE FROM kf_audit WHERE seq > 5")
    for size in (2, 5, 1000):
        assert verify(api, size)["problem"] == "entries after 5 are missing"


def test_a_head_noted_elsewhere_is_held_against_its_part(api: Api) -> None:
    filled(api)
    entries = api.store.verify_record()[0].checked
    right = verify(api, 1000)["head"]
    wrong = "3:" + "0" * 64
    beyond = f"{entries + 5}:" + "0" * 64
    for size in (1, 3, 1000):
        assert verify(api, size, [right])["ok"]
        assert verify(api, size, [right, wrong])["problem"] is not None
        assert "missing" in verify(api, size, [beyond])["problem"]


def test_a_start_that_is_no_entry_is_no_way_around_the_check(api: Api) -> None:
    filled(api)
    body = {"from": "4:" + "0" * 64}
    assert api.post("/v1/audit/verify", body).json()["problem"] == "entry 5 is not what was written"
    for text in ("4", "x:y", "4:00", "-1:" + "0" * 64):
        assert problem(api.post("/v1/audit/verify", {"from": text}))[0] == 400


def test_what_is_exported_in_parts_is_verified_without_the_database(api: Api) -> None:
    filled(api)
    lines: list[str] = []
    while True:
        answer = api.send("GET", "/v1/audit/export", params={"after": len(lines), "limit": 4})
        assert answer.headers["content-type"] == "application/jsonl"
        part = answer.text.splitlines()
        if not part:
            break
        lines += part
    report, head = chain.check(audit_file.read(lines), api.store.peppers)
    assert (report.problem, report.checked) == (None, len(lines))
    assert head == api.store.verify_record()[1]
