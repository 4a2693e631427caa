"""`python -m keyfuse_scanner` is `keyfuse`."""

from keyfuse_scanner.main import main

main()
