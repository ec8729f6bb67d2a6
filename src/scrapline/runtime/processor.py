"""Whether this processor's 8-bit arithmetic overflows, found by trying it."""

import base64
from functools import cache

import numpy as np
import onnxruntime as ort

# One MatMulInteger: `a` uint8 [1, 4] times four int8 weights of 127. Kept as bytes, since importing onnx takes longer
# than all the rest of a start; a test makes it anew.
PROBE = base64.b64decode(
    "CAo6WAoYCgFhCgFiEgF5Ig1NYXRNdWxJbnRlZ2VyEgFnKg8IBAgBEANCAWJKBH9/f39aEwoBYRIOCgwIAhIICgIIAQoCCARiEwoBeRIOCgwIBhIICgII"
    "AQoCCAFCBAoAEBI="
)
_EXACT = 4 * 255 * 127


@cache
def saturates() -> bool:
    """Whether sums of uint8 times int8 are cut off at 16 bits.

    So it is on x86 processors with AVX2 but without VNNI, unless ONNX Runtime is asked for its slower exact way.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(PROBE, options, providers=["CPUExecutionProvider"])
    return int(session.run(None, {"a": np.full((1, 4), 255, np.uint8)})[0][0, 0]) != _EXACT
