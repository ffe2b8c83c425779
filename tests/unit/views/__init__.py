"""What people are told of a verdict."""
