"""What `keyfuse init` knows: which files a repository wants, and what stands in them."""
