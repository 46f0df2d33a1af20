"""Network parts shared by methods: projection heads, teachers, decoders, synchronised batch norm."""
