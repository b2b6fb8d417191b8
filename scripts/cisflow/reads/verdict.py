"""Verdict on a sample of reads: will the configured settings work, and if not, what to change.

Inputs: a sample, its measures and the settings. Outputs: ``ok``, ``warn`` or ``will not work``, with reasons and
remedies. A new overlap is tried on the sample before it is named.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from cisflow.reads.count import ReadSettings
from cisflow.reads.overlaps import FEWEST_BASES, Overlaps
from cisflow.reads.trial import Outcome, Sample, literal_shares, try_settings

OK, WARN, FAILS = "ok", "warn", "will not work"
#: Shares of reads below which a step is said to fail, or to be doubtful.
FAILS_BELOW, DOUBTFUL_BELOW = 0.1, 0.6
#: Shares above which something that should not be there is told.
REVERSE_ABOVE, UNKNOWN_ABOVE, THROUGH_ABOVE, ONE_UMI_ABOVE = 0.05, 0.01, 0.2, 0.5
QUALITY_BELOW = 20.0
#: With fewer reads than this a share says too little to stop a run.
FEWEST_READS = 100
#: Share of reads with the literals on one strand above which that is the strand of the whole file.
ONE_STRAND = 0.8


def spread(values: np.ndarray) -> tuple[int, int, int]:
    """5th percentile, median and 95th percentile, each a value that occurs."""
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95), method="nearest")
    return int(low), int(middle), int(high)


def percent(share: float) -> str:
    """A share as a percentage."""
    return f"{100 * share:.1f} %"


def _range(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low} to {high}"


@dataclass
class Verdict:
    """What is said about a lane.

    Attributes
    ----------
    level : str
        ``ok``, ``warn`` or ``will not work``.
    reasons : list of str
        With the remedy; the most important first.
    """

    level: str = OK
    reasons: list[str] = field(default_factory=list)

    def add(self, reason: str, share: float | None = None) -> None:
        """Add a reason; a share below ``FAILS_BELOW`` of reads makes it one that the run cannot go on with."""
        self.reasons.append(reason)
        if share is not None and share < FAILS_BELOW:
            self.level = FAILS
        elif self.level == OK:
            self.level = WARN


def _judge_overlap(
    verdict: Verdict, sample: Sample, settings: ReadSettings, overlaps: Overlaps, base: Outcome
) -> tuple[ReadSettings, Outcome]:
    """Whether pairs merge; returns the settings and the outcome with which to look on."""
    merged = base.merged / base.reads
    searched = settings.expected_overlap + settings.overlap_tolerance >= FEWEST_BASES
    seen = float(overlaps.found.mean())
    if seen < FAILS_BELOW and searched and merged < DOUBTFUL_BELOW:
        verdict.add(
            f"the mates overlap in {percent(seen)} of the pairs only: they do not come from the two ends of a fragment "
            "shorter than both reads together, so that they cannot be merged; give read1 alone, or longer reads",
            merged,
        )
        return settings, base
    through = float(overlaps.read_through.mean())
    if through > THROUGH_ABOVE:
        low, _, high = spread(overlaps.insert[overlaps.read_through])
        verdict.add(
            f"in {percent(through)} of the pairs the fragment ({_range(low, high)} bases) is shorter than a read, so "
            "that reads go on into the adapter: cut the adapters off, or the reads to the length of the fragment",
            merged,
        )
        return settings, base
    if not overlaps.found.any():
        return settings, base
    low, middle, high = spread(overlaps.overlap[overlaps.found])
    expected, tolerance = settings.expected_overlap, settings.overlap_tolerance
    inside = expected - tolerance <= low and high <= expected + tolerance
    if merged >= DOUBTFUL_BELOW and inside:
        return settings, base
    needed = max(high - middle, middle - low)
    better = replace(settings, expected_overlap=middle, overlap_tolerance=max(tolerance, needed))
    outcome = try_settings(sample, better)
    if outcome.merged / base.reads > merged + 0.02:
        wider = f" and reads.overlap_tolerance: {needed}" if needed > tolerance else ""
        verdict.add(
            f"the overlap seen is {_range(low, high)}, the config expects {expected} +- {tolerance} and merges "
            f"{percent(merged)}: set reads.expected_overlap: {middle}{wider} (merges "
            f"{percent(outcome.merged / base.reads)})",
            merged,
        )
        return better, outcome
    if merged < DOUBTFUL_BELOW:
        verdict.add(
            f"only {percent(merged)} merge, although the overlap seen ({_range(low, high)}, {percent(seen)}) is "
            "the configured one: the reads have many errors, or many fragments are too long to overlap",
            merged,
        )
    return settings, base


def _judge_strand(verdict: Verdict, sample: Sample, settings: ReadSettings, base: Outcome) -> float:
    """Whether the literals are found, and on which strand; returns the share found on either strand."""
    forward, reverse = base.forward / base.merged, base.reverse / base.merged
    if settings.parsed.other and forward < DOUBTFUL_BELOW:
        exchanged = try_settings(sample.exchanged(), settings).forward / base.merged
        if exchanged > forward + REVERSE_ABOVE:
            verdict.add(
                f"mates look swapped (reads.structure fits {percent(exchanged)} of the pairs the other way round): "
                "exchange read1 and read2 in the reads sheet",
                forward,
            )
            return exchanged
    if not settings.parsed.has_literal:
        return forward
    if settings.orientation == "forward" and reverse > REVERSE_ABOVE:
        if reverse <= ONE_STRAND * (forward + reverse):
            verdict.add(
                f"flanks found on the forward strand in {percent(forward)} and on the reverse strand in "
                f"{percent(reverse)}: set reads.orientation: either",
                forward,
            )
        elif sample.is_paired:
            verdict.add(
                f"mates look swapped (flanks on the reverse strand in {percent(reverse)} of the merged pairs): "
                "exchange read1 and read2 in the reads sheet",
                forward,
            )
        else:
            verdict.add(
                f"flanks found on the reverse strand in {percent(reverse)}: set reads.orientation: either", forward
            )
    return forward + reverse


def _judge_literals(verdict: Verdict, sample: Sample, settings: ReadSettings, share: float) -> None:
    literals = [part.bases for part in settings.parsed.parts if part.kind == "literal"]
    if share >= DOUBTFUL_BELOW or not literals:
        return
    amplicons = sample.variable_reads(settings)
    shares = [
        literal_shares(strand, literals, settings.flank_mismatches)
        for strand in (amplicons, [block.reverse_complement() for block in amplicons])
    ]
    best = max(shares, key=sum)
    each = ", ".join(f"{bases} in {percent(found)}" for bases, found in zip(literals, best, strict=True))
    shortest = sum(part.least for part in settings.parsed.parts)
    length = int(np.median(np.concatenate([block.length for block in amplicons])))
    if length < shortest:
        why = f"the reads have {length} bases, the structure needs {shortest}: shorten it, or merge the pairs"
    elif min(best) >= DOUBTFUL_BELOW:
        why = "each is there, but not in the order or at the distance of reads.structure"
    else:
        why = "check reads.structure, reads.flank_mismatches and whether the file belongs to this library"
    verdict.add(
        f"reads.structure fits {percent(share)} of the reads or merged pairs (found anywhere: {each}): {why}", share
    )


def _judge_parts(verdict: Verdict, settings: ReadSettings, base: Outcome, barcode: str) -> None:
    """Lengths, barcodes and UMIs of the reads that were found."""
    structure = settings.parsed
    least, most = structure.min_variable_length, structure.max_variable_length
    fits = float(((base.lengths >= least) & (base.lengths <= most)).mean())
    if fits < DOUBTFUL_BELOW:
        low, _, high = spread(base.lengths)
        verdict.add(
            f"the variable part has {_range(low, high)} bases, reads.structure keeps {_range(least, most)} "
            f"({percent(fits)}): write {{variable:{low}-{high}}}",
            fits,
        )
    if barcode and base.kept and not base.barcode:
        common = base.codes.value_counts(sort=True)["sequence"].head(4).to_list()
        verdict.add(f"no read has the barcode {barcode}; the most frequent are {', '.join(common)}", 0.0)
    if len(base.umis):
        most_frequent = base.umis.value_counts(sort=True).row(0)
        share = most_frequent[1] / len(base.umis)
        if share > ONE_UMI_ABOVE:
            verdict.add(
                f"the UMI is {most_frequent[0]} in {percent(share)} of the reads: check its place in reads.structure"
            )


def judge(
    sample: Sample,
    settings: ReadSettings,
    overlaps: Overlaps | None,
    base: Outcome,
    barcode: str,
    quality: float,
    unknown: float,
) -> Verdict:
    """Judge a sample.

    Parameters
    ----------
    sample : Sample
    settings : ReadSettings
    overlaps : Overlaps or None
        Of pairs.
    base : Outcome
        What the settings make of the sample.
    barcode : str
        Wanted in-line barcode, if any.
    quality, unknown : float
        Lowest mean quality (Phred) and highest share of N of the mates.

    Returns
    -------
    Verdict
        ``will not work`` when fewer than a tenth of 100 or more reads pass a step.
    """
    verdict, found = Verdict(), base
    if overlaps is not None:
        settings, found = _judge_overlap(verdict, sample, settings, overlaps, base)
    if found.merged >= FAILS_BELOW * base.reads:
        share = _judge_strand(verdict, sample, settings, found)
        _judge_literals(verdict, sample, settings, share)
        if found.forward + found.reverse:
            _judge_parts(verdict, settings, found, barcode)
    kept = base.kept / base.reads
    if kept < FAILS_BELOW and verdict.level != FAILS:
        verdict.add(f"the settings keep {percent(kept)} of the reads", kept)
    if quality < QUALITY_BELOW:
        verdict.add(f"the mean base quality is {quality:.1f}; expect many wrong bases")
    if unknown > UNKNOWN_ABOVE:
        verdict.add(f"{percent(unknown)} of the bases are N; reads with an N in what is counted are dropped")
    if verdict.level == FAILS and base.reads < FEWEST_READS:
        verdict.level = WARN
        verdict.reasons.append(f"only {base.reads} reads, too few to be sure")
    return verdict
