"""Photos as data: where they come from, how bytes become pixels, how they are split and kept. No torch."""
