"""Invoices and credit notes as people read them.

No topic is read or written here: `paper.drawn` makes a PDF out of the event that issued a document
(schemas.accounting). Everything on it comes from that event and from the buyer's personal data,
where it can still be read, so that it can be drawn again at any time. The same input is the same
PDF, byte for byte, with the same version of the library; a duplicate does nothing.
"""
