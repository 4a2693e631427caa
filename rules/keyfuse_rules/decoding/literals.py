"""How a string goes on in another literal."""

# "…" + "…" and its relatives: adjacent literals (C, Python), `.` (PHP, Perl), `..` (Lua), `&`
# (Visual Basic), `||` (SQL), `<>` (Elixir); over lines, with prefixes and in parentheses.
LITERALS = (
    rb"[\"'`]\)?[ \t]*(?:\\?\r?\n[ \t]*)?(?:\+|\.{1,2}|&|\|\||<>)?[ \t]*(?:\\?\r?\n[ \t]*)?"
    rb"[rbufRBUF]{0,2}\(?[\"'`]"
)
