"""The detector: pixels in, a calibrated probability out. Knows nothing of bot/ or training/."""
