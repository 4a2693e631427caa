"""Look into archives, also in one another, at a bounded price; begin with `unpacking.members`."""
