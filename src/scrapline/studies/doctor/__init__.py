"""What may be wrong with the photos and their labels, found by networks that had not seen them."""
