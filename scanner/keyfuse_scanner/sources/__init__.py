"""Where bytes come from: each module yields documents, and what it could not read."""
