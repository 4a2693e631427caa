"""The console under its own name behind a proxy that speaks TLS, and what other sites try."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from keyfuse_webhook.mail_sink import free_port
from support.live import program, serving
from support.walking import Site, chromium, issue, running_site, visiting

pytestmark = pytest.mark.shows_key
NAME, OTHER = "keys.example.com", "evil.example.net"
NGINX = """
daemon off; pid {folder}/pid; error_log stderr; worker_processes 1; events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/tls.pem;
    ssl_certificate_key {folder}/tls.pem;
    location / {{ proxy_pass {inner}; proxy_set_header Host $http_host; }}
  }}
}}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium(f"--host-resolver-rules=MAP {NAME} 127.0.0.1, MAP {OTHER} 127.0.0.1") as started:
        yield started


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("tls"), free_port()
    (folder / "tls.pem").write_bytes(certificate(NAME))
    with running_site(folder, f"https://{NAME}:{port}") as site:
        settings = NGINX.format(folder=folder, port=port, inner=site.inner)
        (folder / "nginx.conf").write_text(settings)
        command = [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
        with serving(command, port, folder / "nginx.log"):
            yield site


def certificate(name: str) -> bytes:
    """A key and a certificate for a name, signed by nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    kept = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, *kept)
    return private + made.public_bytes(serialization.Encoding.PEM)


def test_the_cookie_is_of_this_host_alone(browser: Any, site: Site) -> None:
    with visiting(browser, site, ignore_https_errors=True) as page:
        assert site.verify(issue(page, site, "over TLS")) == "valid"
        (cookie,) = page.context.cookies()
        assert {name: cookie[name] for name in ("name", "domain", "path", "sameSite")} == {
            "name": "__Host-keyfuse-console",
            "domain": NAME,
            "path": "/",
            "sameSite": "Lax",
        }
        assert cookie["secure"]
        assert cookie["httpOnly"]
        assert page.evaluate("document.cookie") == ""
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("Management key").wait_for()
        assert page.context.cookies() == []


def test_a_host_below_ours_can_plant_no_session(browser: Any, site: Site) -> None:
    """Session fixation: browsers take `__Host-` from the host itself and over TLS alone."""
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(f"{site.url}/console/sign-in")
    page.evaluate("document.cookie = '__Host-keyfuse-console=planted; path=/; domain=example.com'")
    assert context.cookies() == []
    page.evaluate("document.cookie = '__Host-keyfuse-console=planted; path=/; secure'")
    page.goto(site.keyfuse("console", "login")["link"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.url}/console")
    (cookie,) = context.cookies()
    assert cookie["value"] != "planted"
    context.close()


@pytest.mark.parametrize("host", ["127.0.0.1", OTHER])
def test_a_page_of_another_site_sends_no_form_of_ours(
    browser: Any, site: Site, tmp_path: Path, host: str
) -> None:
    """Somebody is signed in and opens another page, which knows everything but his cookie."""
    with visiting(browser, site, ignore_https_errors=True) as page:
        victim = issue(page, site, f"victim of {host}")
        page.goto(f"{site.url}/console/keys?q=victim+of")
        key = page.get_by_role("link", name=f"victim of {host}").get_attribute("href")
        page.goto(f"{site.url}{key}/revoke")
        token = page.locator("main input[name=form]").input_value()
        state = page.context.storage_state()
    context = browser.new_context(ignore_https_errors=True, storage_state=state)
    other = context.new_page()
    with page_elsewhere(f"{site.url}{key}/revoke", token) as port:
        other.goto(f"http://{host}:{port}/")
        other.get_by_text("did not come from a page of the console").wait_for()
        other.goto(f"http://{host}:{port}/frame")
        other.wait_for_load_state("networkidle")
        assert len(other.frames) == 2
        assert "Revoke" not in "".join(_texts(other))
    context.close()
    assert site.verify(victim) == "valid"


def _texts(page: Any) -> list[str]:
    """What can be read in the frames of a page."""
    return [frame.locator("body").inner_text() for frame in page.frames[1:]]


@contextmanager
def page_elsewhere(target: str, token: str) -> Iterator[int]:
    """A server whose page sends our form by itself, and another that frames our page."""
    pages = {
        "/": f"<form method=post action={target}><input name=form value={token}></form>"
        "<script>document.forms[0].submit()</script>",
        "/frame": f"<iframe src={target}></iframe>",
    }

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(pages.get(self.path, "").encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
