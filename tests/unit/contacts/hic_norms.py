"""Adds normalisation vectors to a .hic file of version 9, which no Python library writes."""

import struct

import numpy as np


def add_normalisation(path, name, vectors, bin_size):
    """Append vectors (by number of the chromosome, 1 = the first) to a file that has none.

    The index of vectors is the last thing in such a file, an empty list; the header says where it is and how long.
    """
    data = path.read_bytes()
    after_assembly = data.index(b"\0", 16) + 1
    index, size = struct.unpack_from("<qq", data, after_assembly)
    assert (size, data[index:]) == (4, bytes(4))

    def entries(places):
        text = struct.pack("<i", len(vectors))
        for number in vectors:
            text += name.encode() + b"\0" + struct.pack("<i", number) + b"BP\0"
            text += struct.pack("<iqq", bin_size, *places.get(number, (0, 0)))
        return text

    size, places, body = len(entries({})), {}, b""
    for number, vector in vectors.items():
        packed = struct.pack("<q", len(vector)) + np.asarray(vector, "<f4").tobytes()
        places[number] = (index + size + len(body), len(packed))
        body += packed
    head = bytearray(data[:index])
    struct.pack_into("<q", head, after_assembly + 8, size)
    path.write_bytes(bytes(head) + entries(places) + body)
