"""How far two ways of computing one number may differ: what rounding alone can do, and never a guess.

- `rounding`: results that are sums or products of a known number of terms, in a known type.
- `half_the_digits`: results of long computations (a model's pass, an audio codec's filters), whose roundings nobody
  counts. What is wrong, and not just rounded, differs in the first digits.

`pytest.approx(x)` without a number is for Python's floats and short sums: its 1e-6 is 10^10 of their roundings.
So is what `torch.testing.assert_close` allows float64 by itself. A number beside them is no rounding but a fact of the
world (a codec's delay, an estimate's spread), which the test names.
"""

import numpy as np


def rounding(terms, dtype):
    """Largest relative error of `terms` roundings one after another, by the sum of the terms' sizes.

    gamma_n = n u / (1 - n u), with u half the distance from 1 to the next number. N. Higham, Accuracy and Stability of
    Numerical Algorithms (2nd edition, 2002), lemma 3.1 and section 4.2.
    """
    error = terms * float(np.finfo(dtype).eps) / 2
    return error / (1 - error)


def half_the_digits(dtype):
    """The square root of the distance from 1 to the next number: half of the digits agree, as Julia's isapprox asks."""
    return float(np.finfo(dtype).eps) ** 0.5


def llm_rounding(steps=1, layers=2):
    """Largest relative error of `steps` steps of a model in float64, of numbers at the scale of the largest.

    What is left of float32 is the LLM's own: transformers computes the two norms of each layer, and the last norm, in
    float32 whatever the model's type is; each of them rounds on the way forth and on the way back.
    """
    return rounding(steps * 2 * (2 * layers + 1), np.float32)
