"""What does it cost, and how long does the money last: exact integer arithmetic."""
