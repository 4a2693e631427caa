"""Make the virtual environment that `make demo` and `make test` run in.

    python3 .ci/bootstrap.py [FOLDER]        FOLDER is .venv unless given

This file keeps to a syntax that Python 2.7 can read, so that a wrong Python is told so in one line
rather than shown a SyntaxError; the work is in environment.py beside it.
"""

import sys

FLOOR = (3, 11)

if sys.version_info < FLOOR:
    sys.stderr.write(
        "keyfuse: needs Python {} or newer, and {} is Python {};"
        " name another one, as in: make PYTHON=python3.13 test\n".format(
            ".".join(map(str, FLOOR)), sys.executable, ".".join(map(str, sys.version_info[:3]))
        )
    )
    sys.exit(2)

sys.dont_write_bytecode = True

from environment import main  # noqa: E402 - only a new enough Python can read it

sys.exit(main(sys.argv[1:]))
