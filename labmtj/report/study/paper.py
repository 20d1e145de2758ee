"""What is known of the experiment that studies are compared with; what is not here is unknown.

Goodwill et al., "Implementation of a binary neural network on a passive array of magnetic tunnel junctions",
Phys. Rev. Applied 18, 014039 (2022), arXiv 2112.09159: up to 95.3 % of the wines classified rightly, over 300 weight
solutions. That this is 141 of the 148 training wines is inferred from the number; so is the origin of the weights.
"""

from __future__ import annotations

ACCURACY = 141 / 148
NAME = "the paper's number, 95.3 %"
SOURCE = "Goodwill et al., Phys. Rev. Applied 18, 014039 (2022)"
# Mean training accuracy of 300 public solutions of the same origin at a scale f, in software: computed from the
# weights in github.com/usnistgov/daffodil-lib, examples/wine; no value of the paper.
PUBLIC_SCALES = {0.5: 0.82, 0.7: 0.93, 0.93: 0.975, 1.2: 0.91, 1.5: 0.74}
