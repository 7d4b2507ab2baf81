"""What a kept value may look like."""
