"""The vocabulary of Outbox: what operators read stands here and nowhere else."""
