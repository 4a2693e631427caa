"""Which web framework a project uses, as far as its requirements say."""

import re
from pathlib import Path

# Of several the first counts: FastAPI brings Starlette.
SNIPPETS = {
    "fastapi": "asgi.txt",
    "starlette": "asgi.txt",
    "flask": "wsgi.txt",
    "django": "wsgi.txt",
}
# How the application gets its guard.
_USES = {
    "asgi.txt": "guard(app)",
    "flask": "app.wsgi_app = guard(app.wsgi_app)",
    "django": "application = guard(get_wsgi_application())  # in wsgi.py",
}
_REQUIREMENTS = (
    "pyproject.toml",
    "requirements*.txt",
    "requirements/*.txt",
    "setup.cfg",
    "Pipfile",
)
_LARGEST = 1024 * 1024


def framework_of(root: Path) -> str | None:
    """Return the framework that the requirements in a folder name, or None."""
    files = [file for pattern in _REQUIREMENTS for file in sorted(root.glob(pattern))]
    text = "\n".join(_text(file) for file in files)
    for name in SNIPPETS:
        if re.search(rf"(?im)^[^#\n]*(?<![\w-]){name}(?![\w-])", text):
            return name
    return "django" if (root / "manage.py").is_file() else None


def use_of(framework: str) -> str:
    """Return the line that puts the guard around an application."""
    return _USES.get(framework) or _USES[SNIPPETS[framework]]


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(_LARGEST).decode("utf-8", "replace")
    except OSError:
        return ""
