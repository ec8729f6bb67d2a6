"""Scrapline: photos of scrap in, a sorted belt out."""
