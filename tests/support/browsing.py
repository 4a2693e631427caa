"""A browser without scripts: it keeps cookies as told, reads forms and sends them back."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any

import httpx

ORIGIN = "https://keys.example.com"


def and_then(call: Callable[..., Any], happens: Callable[[], object]) -> Callable[..., Any]:
    """A function, and what happens the moment after each of its calls."""

    def called(*arguments: Any) -> Any:
        found = call(*arguments)
        happens()
        return found

    return called


class Page:
    """An answer, as somebody sees it."""

    def __init__(self, response: httpx.Response, path: str) -> None:
        self.response = response
        self.path = path
        self.status = response.status_code
        self.html = response.text
        self.headers = response.headers
        self.forms = _Forms.of(response.text)

    @property
    def text(self) -> str:
        """What is read: white space in a row is one space, markup is none."""
        return " ".join(re.sub(r"<[^>]*>", " ", self.html).split())

    def form(self, action: str = "") -> dict[str, str]:
        """The fields of the form that goes to a path, as they are filled in."""
        found = [fields for where, fields in self.forms if where == action]
        assert len(found) == 1, [where for where, _ in self.forms]
        return found[0]


class Browser:
    """One person's browser; `service` is a `Service` of the tests of the webhook."""

    def __init__(self, service: Any, origin: str = ORIGIN) -> None:
        self.service = service
        self.origin = origin
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []

    def get(self, path: str, **headers: str) -> Page:
        """Follow a link, or type an address."""
        return self._send("GET", path, {"sec-fetch-site": "none"} | headers)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Page:
        """Send a form from one of our pages."""
        return self._send("POST", path, {"sec-fetch-site": "same-origin"} | headers, fields)

    def submit(self, page: Page, action: str, **fields: str) -> Page:
        """Fill in the form of a page and send it, following where it leads."""
        sent = self.post(action, page.form(action) | fields)
        return self.follow(sent)

    def follow(self, page: Page) -> Page:
        """Where a redirection leads, if the page is one."""
        if page.status != httpx.codes.SEE_OTHER:
            return page
        return self.get(page.headers["location"])

    def _send(
        self, method: str, path: str, headers: dict[str, str], fields: dict[str, str] | None = None
    ) -> Page:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={text}" for name, text in self.cookies.items())
        self.service._client.cookies.clear()
        sent = {} if fields is None else {"data": fields}
        response = self.service.request(method, self.origin + path, headers=headers, **sent)
        self._keep(response)
        return Page(response, path)

    def _keep(self, response: httpx.Response) -> None:
        self.set_cookies = response.headers.get_list("set-cookie")
        for header in self.set_cookies:
            for name, morsel in SimpleCookie(header).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value


class _Forms(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self._area = ""

    @classmethod
    def of(cls, html: str) -> list[tuple[str, dict[str, str]]]:
        parser = cls()
        parser.feed(html)
        return parser.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and given.get("method") == "post":
            self.found.append((given.get("action") or "", {}))
        elif tag == "form":
            self.found.append(("get " + (given.get("action") or ""), {}))
        elif tag in {"input", "textarea"} and given.get("name") and self.found:
            self._area = given["name"] or "" if tag == "textarea" else ""
            self.found[-1][1][given["name"] or ""] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.found[-1][1][self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
