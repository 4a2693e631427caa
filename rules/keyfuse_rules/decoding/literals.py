"""How a string goes on in another literal."""

# "…" + "…" and its relatives: adjacent literals (C, Python), `.` (PHP, Perl), `..` (Lua), `&`
# (Visual Basic), `||` (SQL), `<>` (Elixir); over lines, with prefixes and in parentheses.
# Nothing is given back, or long white space would be split between the parts in every way.
_SPACE = rb"[ \t]*+(?:\\?\r?\n[ \t]*+)?+"
LITERALS = (
    rb"[\"'`]\)?" + _SPACE + rb"(?:\+|\.{1,2}|&|\|\||<>)?+" + _SPACE + rb"[rbufRBUF]{0,2}\(?[\"'`]"
)
