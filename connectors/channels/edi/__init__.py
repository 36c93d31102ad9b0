"""EDI after ASC X12: purchase orders (850) in, acknowledgements (TA1, 997, 855) out.

Why the envelope is read by code of our own: pyx12 (4.0, BSD, maintained) refuses every interchange
version but 00401 and 00501, has maps for health care above all and none for an 850, and drops what
stands behind the last terminator without a word; badx12 was last released in 2018, and
linuxforhealth-x12 in 2022, for health care as well. What an order needs, delimiters and counts with
the segment at fault named, is `envelope.py`.
"""
