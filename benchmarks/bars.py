"""The figures that verification is held to, and whether a run reached them."""

from typing import NamedTuple


class Bar(NamedTuple):
    """One figure; a limit is reached from above where `at_least`, else from below."""

    what: str
    figure: float
    limit: float
    at_least: bool = True

    @property
    def reached(self) -> bool:
        """Whether this run reached it."""
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit


def print_bars(bars: list[Bar]) -> None:
    """One line for each of them."""
    print("\nHeld to")
    for bar in bars:
        sign = ">=" if bar.at_least else "<="
        word = "reached" if bar.reached else "MISSED"
        print(f"  {bar.what:56}{bar.figure:>14,.2f} {sign} {bar.limit:>9,.2f}  {word}")
