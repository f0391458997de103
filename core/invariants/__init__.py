"""What must hold of every row, whatever crashed: one file for each noun, read by core/verify.py."""
