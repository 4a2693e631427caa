"""Numbers in words, for a line that sums up."""


def looked_into(findings: int, objects: int, size: int) -> str:
    """Return how much was found in how much; `size` is in bytes."""
    return f"{count(findings, 'finding')} in {count(objects, 'object')} ({in_bytes(size)})"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number and what it counts."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def in_bytes(size: int) -> str:
    """Return how many bytes something has, to three digits."""
    amount = float(size)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:  # noqa: PLR2004 - SI units
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} GB"
