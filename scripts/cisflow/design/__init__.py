"""Design of test libraries: sequences that tell models apart, as an order with subset labels."""
