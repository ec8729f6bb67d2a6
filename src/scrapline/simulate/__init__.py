"""The deployed model on the line, every item decided and logged, and the report on all stages."""
