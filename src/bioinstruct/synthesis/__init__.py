"""Records whose answers are computed: made from a seed, and verified by a second implementation.

A kind of record (`catalogue.KINDS`) draws values, states them in a note and computes the answer.
`second` derives the answer again from the text alone. Nobody reviewed the records clinically; they
are for training and testing language models, not for care.
"""
