"""Api: what each address answers."""
