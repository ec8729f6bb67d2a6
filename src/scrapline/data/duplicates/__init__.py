"""Near-duplicates: copies of one photo, found by an index of coarse descriptors and verified pair by pair."""
