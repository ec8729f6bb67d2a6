"""Our deployed model timed beside what one would run instead, on the same frames and the same machine."""
