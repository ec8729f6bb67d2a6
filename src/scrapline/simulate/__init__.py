"""The deployed model on a belt in real time: every item decided and logged, and the report on all stages."""
