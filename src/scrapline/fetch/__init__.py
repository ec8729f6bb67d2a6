"""Photos into data/raw: from a folder, an archive, the web or TrashNet."""
