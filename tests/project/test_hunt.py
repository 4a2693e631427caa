"""The hunt itself: it must see a key wherever an answer of a service could carry one."""

import httpx
import pytest

from support.keys import make_key


@pytest.mark.parametrize("where", ["body", "header"])
def test_an_answer_with_a_key_in_it_fails_the_test(where: str) -> None:
    token = make_key().reveal()

    def answer(_request: httpx.Request) -> httpx.Response:
        if where == "body":
            return httpx.Response(200, stream=httpx.ByteStream(token.encode()))
        return httpx.Response(200, headers={"X-Key": token}, stream=httpx.ByteStream(b""))

    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
        pytest.raises(AssertionError, match="a plaintext key stands in") as caught,
    ):
        client.get("http://127.0.0.1/")
    assert where in str(caught.value)
