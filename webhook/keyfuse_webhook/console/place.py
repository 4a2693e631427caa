"""Where browsers reach the console, by the settings alone; no request is believed about it."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from keyfuse_webhook.verify_endpoint import is_loopback

_BY_DEFAULT = ("127.0.0.1", 8787)


@dataclass(frozen=True, slots=True)
class Place:
    """The origin of the console.

    Attributes:
        origin: Like `https://keys.example.com`; None where only this machine reaches it, under
            any name and port of its own.
        secure: Cookies travel over TLS only, and bear the prefix `__Host-`, which browsers give
            to no other host, path or unencrypted page.
    """

    origin: str | None
    secure: bool

    def cookie(self, name: str) -> str:
        """A cookie's full name."""
        return f"__Host-{name}" if self.secure else name

    def is_host(self, host: str) -> bool:
        """Tell whether a Host header names us: another name may be a page that rebinds DNS."""
        if self.origin is not None and host.lower() == urlsplit(self.origin).netloc:
            return True
        return is_loopback(_name(host))

    def is_origin(self, origin: str, host: str) -> bool:
        """Tell whether an Origin header, of a request to `host`, is a page of ours."""
        if origin == self.origin:
            return True
        return is_loopback(_name(host)) and origin == f"http://{host.lower()}"

    def base(self, listening: tuple[str, int] = _BY_DEFAULT) -> str:
        """What links begin with.

        Args:
            listening: The socket that the service listens on, not what a request calls it; counts
                where no setting names the origin.
        """
        host, port = listening
        return self.origin or f"http://{f'[{host}]' if ':' in host else host}:{port}"


def place_of(base_url: str | None, bound_to: str) -> Place | None:
    """The place that the settings name; None where cookies would cross a network in clear.

    Args:
        base_url: `KEYFUSE_BASE_URL`; its path, if any, does not count.
        bound_to: The address that the service listens on.
    """
    if base_url is None:
        return Place(None, secure=False) if is_loopback(bound_to) else None
    parts = urlsplit(base_url.lower())
    origin = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme == "https":
        return Place(origin, secure=True)
    return Place(origin, secure=False) if is_loopback(parts.hostname or "") else None


def _name(host: str) -> str:
    """The name in a Host header, without the port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
