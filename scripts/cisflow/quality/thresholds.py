"""From which value on a library is warned about or refused, and why.

Each threshold is a property of the measurement rather than of one experiment; where a study has good reasons for other
values, the verdict is a warning to be read, not an obstacle: no result depends on it.
"""

#: Median reads per element. The standard error of an element is about the spread of its cells over the square root of
#: its reads: a third of the spread with 10 reads, more than half of it with 3.
MEDIAN_READS_WARN, MEDIAN_READS_FAIL = 10, 3
#: An element with fewer reads than this is likely to have them all in one or two bins, whatever its expression.
FEW_READS = 5
#: Share of elements with so few reads. At a third the library is uneven or shallow; at two thirds most values are
#: noise.
FEW_READS_SHARE_WARN, FEW_READS_SHARE_FAIL = 1 / 3, 2 / 3
#: Share of all reads that one element takes, which are missing for the others: at a fifth, sequencing costs a quarter
#: more.
DOMINANT_SHARE_WARN, DOMINANT_SHARE_FAIL = 0.05, 0.2
#: The same within one bin, where elements are fewer and a single well-grown clone or PCR product is seen first.
DOMINANT_IN_BIN_WARN, DOMINANT_IN_BIN_FAIL = 0.2, 0.5
#: In a library of few elements large shares are normal: a dominant element has this many times the mean as well.
DOMINANT_FOLD = 20
#: A bin with fewer reads than this says nothing about shares.
FEWEST_READS_IN_BIN = 100
#: Factor between the reads of a bin and what its neighbours let expect. Errors grow with the root: ten times fewer
#: reads make them three times larger, a hundred times fewer ten times, and weights by depth carry them into every
#: mean.
UNEVEN_FOLD_WARN, UNEVEN_FOLD_FAIL = 10, 100
#: Share of pairs or reads that passes a step. Good libraries pass nine in ten; below a half, what is left need not
#: represent what was sequenced.
PASSED_WARN, PASSED_FAIL = 0.8, 0.5
