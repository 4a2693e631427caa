"""What every answer of the console tells the browser, and what a request tells of its origin."""

from collections.abc import Mapping

from keyfuse_webhook.console.place import Place

# Nothing from elsewhere, nothing inline, nothing framed. The charts style their own elements
# through the DOM, which is not inline style.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "clipboard-write=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}
PRIVATE = {"Cache-Control": "no-store"}


def may_read(headers: Mapping[str, str]) -> bool:
    """Tell whether a GET may be answered: another site may link to a page, no more than that."""
    site = headers.get("sec-fetch-site", "none")
    if site in {"none", "same-origin"}:
        return True
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") in {
        "document",
        None,
    }


def may_write(headers: Mapping[str, str], place: Place, host: str) -> bool:
    """Tell whether a POST comes from a page of ours.

    Browsers say so in Sec-Fetch-Site (W3C Fetch Metadata), and older ones in Origin, which is
    `null` for pages without a referrer (Fetch, "append a request Origin header"): that proves
    nothing and is refused. What sends neither is no browser and has no cookies to misuse.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is None or place.is_origin(origin, host)
