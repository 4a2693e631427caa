"""Foreign bytes as text that can be shown: paths, author names, messages of git."""

import codecs
import re

# C0 and C1 controls, and the characters that reorder or hide text around them.
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def path_text(raw: bytes) -> str:
    """Return a path as text; bytes that are not UTF-8 become `%XX`."""
    return raw.decode("utf-8", "keyfuse-percent")


def harmless(text: str) -> str:
    """Return text that cannot move the cursor, ring, colour or reorder what is around it."""
    return _HARMFUL.sub(lambda found: _escape(found[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - one byte


def _percent(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(f"%{byte:02X}" for byte in bad), error.end


codecs.register_error("keyfuse-percent", _percent)
