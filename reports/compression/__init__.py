"""What compressed weights cost in the task, and the smallest package that still passes."""
