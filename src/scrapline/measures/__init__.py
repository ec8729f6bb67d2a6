"""Pure figures in NumPy and SciPy: metrics, intervals, calibration, sorting, operating points."""
