"""The management REST API: what operators and their programs do to keys, owners, leaks, jobs."""
