"""Say that nothing was found, without loading what could say more."""

import os
import sys

from keyfuse_scanner.glance import Glimpse
from keyfuse_scanner.reports.counts import looked_into
from keyfuse_scanner.terminal import write


def all_clear(glimpse: Glimpse) -> bool:
    """Report for people what a first look showed, if that is all there is to report.

    Returns:
        False where the whole way has to be gone: for hits, and for lists that may be wrong.
    """
    if not glimpse.is_clean or any(map(os.path.lexists, glimpse.lists)):
        return False
    write(sys.stdout, [f"{looked_into(0, glimpse.objects, glimpse.size)}\n"])
    return True
