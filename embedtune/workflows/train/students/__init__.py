"""What learns, where that is more than one encoder as it was loaded: students of a teacher, and two encoders."""
