"""Every artefact's path, relative to the repository's root. dvc.yaml names the same ones; a test compares them."""

from pathlib import Path

PARAMS = Path("params.yaml")

RAW = Path("data/raw")
SPLIT_LISTS = Path("data/splits")
PAIRS = SPLIT_LISTS / "pairs.csv"
PINS = SPLIT_LISTS / "pins.csv"
PREPARED = Path("data/prepared")
MANIFEST = PREPARED / "manifest.csv"
CLASSES = PREPARED / "classes.json"
TEST_FRAMES = Path("data/test_frames")

PRETRAINED = Path("models/pretrained")
CHECKPOINT = Path("models/trained_model.pth")
ONNX = Path("models/converted_model.onnx")
ONNX_INT8 = Path("models/converted_model.int8.onnx")
ONNX_BY_PRECISION = {"fp32": ONNX, "int8": ONNX_INT8}

PREPARATION = Path("results/preparation")
PREPARATION_REPORT = PREPARATION / "report.json"
CLASS_BALANCE = PREPARATION / "class_balance.csv"
QUARANTINE = PREPARATION / "quarantine.csv"
CONTACT_SHEETS = PREPARATION / "contact_sheets"
NEAR_DUPLICATES = PREPARATION / "near_duplicates.csv"
NEAR_DUPLICATES_PAGE = PREPARATION / "near_duplicates.png"

TRAINING = Path("results/training")
HISTORY = TRAINING / "history.csv"
TRAINING_METRICS = TRAINING / "metrics.json"
FOLDS = TRAINING / "folds.csv"
FOLD_ARRAYS = TRAINING / "folds.npz"

EVALUATION = Path("results/evaluation")
EVALUATION_METRICS = EVALUATION / "metrics.json"
OPERATING_POINTS = EVALUATION / "operating_points.json"
PREDICTIONS = EVALUATION / "predictions.csv"
CONFUSION = EVALUATION / "confusion.csv"
CONFUSION_PLOT = EVALUATION / "confusion_matrix.png"
RELIABILITY_PLOT = EVALUATION / "reliability.png"
PURITY_PLOT = EVALUATION / "purity.png"
SLICES_PLOT = EVALUATION / "slices.png"
MISTAKES = EVALUATION / "mistakes.png"
LEARNING_CURVES = EVALUATION / "learning_curves.png"

EXPORT = Path("results/export")
EXPORT_METRICS = EXPORT / "metrics.json"

SIMULATION_RESULTS = Path("results/simulation_results.csv")
SIMULATION = Path("results/simulation")
LINE = SIMULATION / "line.json"
LINE_PLOT = SIMULATION / "line.png"
BELT_PLOT = SIMULATION / "belt.png"
SUMMARY = Path("results/summary.json")
REPORT = Path("performance_report.md")

RUNS = Path("runs")
STUDIES = RUNS / "studies"
