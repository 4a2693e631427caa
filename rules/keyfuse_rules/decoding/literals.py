"""How a string goes on in another literal."""

# "…" + "…" and its relatives: adjacent literals (C, Python), `.` (PHP, Perl), `..` (Lua), `&`
# (Visual Basic), `||` (SQL), `<>` (Elixir), `++` (Haskell), `^` (OCaml); over lines, with prefixes
# and in parentheses.
# Nothing is given back, or long white space would be split between the parts in every way.
_SPACE = rb"[ \t]*+(?:[\\_]?\r?\n[ \t]*+)?+"
_OPERATOR = rb"(?:\+{1,2}|\.{1,2}|&|\|\||<>|\^)?+"
LITERALS = rb"[\"'`]\)?" + _SPACE + _OPERATOR + _SPACE + rb"[rbufRBUF@]{0,2}\(?[\"'`]"
