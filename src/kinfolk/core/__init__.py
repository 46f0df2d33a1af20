"""The ground every room stands on: settings, registry, files, device, decoding. Knows no word of learning."""
