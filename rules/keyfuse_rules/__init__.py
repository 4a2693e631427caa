"""What a secret looks like: key format, checksums, rule model, provider rules as data.

Pure but for reading its own data files: no clock, no network, no database, no git.
"""

from keyfuse_rules.secret import Secret

__all__ = ["Secret"]
