"""The scripts that admins run: collect, prepare, train, evaluate, promote."""
