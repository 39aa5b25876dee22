"""The catalog: a local copy of the collection, joined with the bucket's listing, from which the page answers."""
