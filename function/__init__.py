"""What runs in Lambda: events in, answers out. The library `artline` draws."""
