"""Forms as browsers send them, read strictly: few fields, small, well-formed, each once."""

from urllib.parse import parse_qsl

from starlette.requests import Request

from keyfuse_webhook.bodies import read_body
from keyfuse_webhook.problem import Refusal

LARGEST = 64 * 1024
_FIELDS_MAX = 60

BAD_FORM = Refusal(400, "bad_form", "The form did not arrive as this page sent it.")

Form = dict[str, str]


async def read_form(request: Request) -> Form | Refusal:
    """The fields of a form, white space around them removed.

    Raises:
        ClientDisconnect: The client is gone.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request, LARGEST)
    if isinstance(body, Refusal):
        return body
    if body and kind != "application/x-www-form-urlencoded":
        return BAD_FORM
    return parse_form(body)


def parse_form(body: bytes) -> Form | Refusal:
    """The fields of a form or a query; a field that comes twice is refused."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            encoding="utf-8",
            errors="strict",
            max_num_fields=_FIELDS_MAX,
        )
    except ValueError:
        return BAD_FORM
    form = {name: value.replace("\r\n", "\n").strip() for name, value in pairs}
    # A NUL is no text for PostgreSQL.
    sound = len(form) == len(pairs) and not any("\0" in value for value in form.values())
    return form if sound else BAD_FORM
