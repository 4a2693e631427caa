"""Git and files to findings to reports: the light half of keyfuse."""
