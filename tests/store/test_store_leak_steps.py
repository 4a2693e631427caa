"""The steps of a response: each once, and what is done stays done."""

from keyfuse_store import Issued, KeyStore, leak_steps
from keyfuse_store.evidence import Evidence
from keyfuse_store.leak_steps import Step
from support.keys import make_key
from support.leaking import record_leak


def note(store: KeyStore, leak_id: str, step: Step) -> bool:
    with store.begin() as connection:
        return leak_steps.note(connection, leak_id, step)


def steps(store: KeyStore, leak_id: str) -> list[Step]:
    with store.read() as connection:
        return leak_steps.of_leak(connection, leak_id)


def test_step_is_kept_once_and_steps_are_in_their_order(store: KeyStore, issued: Issued) -> None:
    leak_id = record_leak(store, issued, Evidence("scan", "scan")).leak.id
    slack, mail = Step("slack", "done", "", 2), Step("mail", "done", "to the fallback", 1)
    assert note(store, leak_id, slack)
    assert note(store, leak_id, mail)
    assert not note(store, leak_id, Step("mail", "done", "again", 3))
    assert steps(store, leak_id) == [mail, slack]
    assert mail.as_json() == {
        "step": "mail",
        "state": "done",
        "detail": "to the fallback",
        "at": "1970-01-01T00:00:00.000001Z",
    }


def test_what_could_not_be_done_can_be_done_later_but_not_the_other_way(
    store: KeyStore, issued: Issued
) -> None:
    leak_id = record_leak(store, issued, Evidence("scan", "scan")).leak.id
    assert note(store, leak_id, Step("mail", "undeliverable", "550", 1))
    assert not note(store, leak_id, Step("mail", "undeliverable", "550", 2))
    assert note(store, leak_id, Step("mail", "done", "", 3))
    assert not note(store, leak_id, Step("mail", "undeliverable", "550", 4))
    assert steps(store, leak_id) == [Step("mail", "done", "", 3)]


def test_detail_is_cut_and_holds_no_key(store: KeyStore, issued: Issued) -> None:
    token = make_key().reveal()
    leak_id = record_leak(store, issued, Evidence("scan", "scan")).leak.id
    note(store, leak_id, Step("mail", "failed", token * 50, 1))
    (step,) = steps(store, leak_id)
    assert token not in step.detail
    assert len(step.detail) <= leak_steps.DETAIL_MAX
