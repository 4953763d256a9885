"""Letters as people see them, before and after, in a real browser: `make render`."""
