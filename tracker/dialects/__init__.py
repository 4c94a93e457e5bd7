"""Other products' issue APIs at their own paths, one folder each."""
