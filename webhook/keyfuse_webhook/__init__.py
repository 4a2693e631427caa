"""The HTTP service: GitHub's alerts in, leaked keys dead, their owners told."""
