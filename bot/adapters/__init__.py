"""Chat platforms and the web page: they translate events to Checker calls, and Verdicts to replies."""
