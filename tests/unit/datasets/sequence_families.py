"""Families of similar sequences, and the plain distance between two sequences, for the tests of datasets."""

COMPLEMENT = str.maketrans("ACGT", "TGCA")


def edit_distance(a, b):
    """Textbook Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def either_strand(a, b):
    return min(edit_distance(a, b), edit_distance(a, b[::-1].translate(COMPLEMENT)))


def mutate(sequence, edits, rng):
    """Substitute, delete and insert letters, ``edits`` in all."""
    letters = list(sequence)
    for _ in range(edits):
        place = int(rng.integers(len(letters)))
        kind = rng.integers(3)
        if kind == 0:
            letters[place] = str(rng.choice(list("ACGTN")))
        elif kind == 1 and len(letters) > 1:
            del letters[place]
        else:
            letters.insert(place, str(rng.choice(list("ACGT"))))
    return "".join(letters)
