"""From which value on a contact map is warned about or refused, and why.

Like those of libraries, these are properties of the measurement; a verdict is to be read and is no obstacle.
"""

#: Contacts of a bin, and share of bins that should have so many: the usual definition of the resolution that a map
#: supports (Rao et al. 2014, Cell 159:1665-1680). Coarse-graining smooths what has fewer.
ENOUGH_CONTACTS, ENOUGH_SHARE_WARN = 1000, 0.8
#: Median contacts of a bin that is not masked: with fewer, hardly any pixel stands for itself at any distance.
MEDIAN_CONTACTS_FAIL = 50
#: Share of masked bins. A tenth is usual for human maps (centromeres, repeats); at a half most windows are holes.
MASKED_WARN, MASKED_FAIL = 0.15, 0.5
#: The same on one chromosome, where a held-out chromosome would leave little to score.
MASKED_CHROMOSOME_WARN = 0.5
#: Share of contacts within chromosomes. Random ligation joins chromosomes: in-situ maps of good quality have two
#: thirds or more within them, maps with less than a fifth hold little else than noise.
CIS_WARN, CIS_FAIL = 0.5, 0.2
#: Contacts per bin of a chromosome against the median of all, as a factor in either direction: copy number changes
#: coverage by a half to twofold. Balancing takes it out, but other errors look the same.
COVERAGE_FOLD_WARN = 2.0
#: Standard deviation of the sums of balanced rows over their mean. Balancing to the default tolerance leaves 0.003;
#: weights that were made with other chromosomes or bins leave more, and at a half they do not fit this map.
ROWS_WARN, ROWS_FAIL = 0.1, 0.5
#: Slope of log contacts on log distance. Interphase chromosomes lie around -1, mitotic ones around -0.5; a curve that
#: hardly falls, or falls faster than -2, is not that of a polymer in a nucleus.
SLOPE_RANGE = (-2.0, -0.4)
#: Spread of the distance laws of chromosomes: standard deviation of the natural log, median over distances. At 0.4 one
#: chromosome in three is 1.5-fold off the curve that all targets are divided by.
SPREAD_WARN, SPREAD_FAIL = 0.4, 1.5
#: How far the expected contacts reach, as a share of the longest chromosome: windows cannot be longer.
REACH_WARN = 0.25
