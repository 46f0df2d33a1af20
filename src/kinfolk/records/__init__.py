"""The nouns that steps hand to each other; each can be saved and read back."""
