"""Raw photos in; clean shards, a manifest, test frames and a preparation report out."""
