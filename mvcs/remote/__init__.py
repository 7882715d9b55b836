"""Other places: folders and buckets that hold packs, indexes and roots."""
