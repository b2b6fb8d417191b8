"""The genome reader gives the bases that pyfaidx gives."""

import gzip
import shutil

import numpy as np
import pyfaidx
import pytest

from cisflow.contacts.genome import BASES, Genome


@pytest.mark.parametrize("name", ["chrI", "chrM"])
def test_bases_equal_pyfaidx(shared_data, tmp_path, name):
    packed = shared_data / "genome" / "sacCer3.fa.gz"
    with gzip.open(packed) as source, open(tmp_path / "g.fa", "wb") as target:
        shutil.copyfileobj(source, target)
    expected = str(pyfaidx.Fasta(str(tmp_path / "g.fa"))[name][1000:60_000]).upper()
    codes = Genome(packed, [name]).codes(name, 1000, 60_000)
    found = np.frombuffer((BASES + "N").encode(), np.uint8)[codes].tobytes().decode()
    assert found == expected
