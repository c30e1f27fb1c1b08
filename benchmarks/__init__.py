"""Speed, measured side by side in one run. These need the `bench` dependency group; nothing here is a test."""
