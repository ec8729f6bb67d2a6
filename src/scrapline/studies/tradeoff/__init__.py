"""Accuracy against speed, of the models that DVC's experiments made."""
