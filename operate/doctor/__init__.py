"""What a deployment needs of a machine and an account, and how a deployed service is."""
