"""Explore: a page on this machine in which a person looks at what runs have learned."""
