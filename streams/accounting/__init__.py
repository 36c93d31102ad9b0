"""The accounting room: numbers of invoices and credit notes, and the journal.

Reads accounting.commands: what is to be billed and credited from orders, money from payments, and
who sells from `millrace entity`.
Writes accounting.events and accounting.journal.
Invariant: the numbers of one prefix are 1, 2, 3 … without a gap, in the order of their dates; what
is credited of an invoice is at most what was invoiced, of each line and in total; and every entry
of the journal balances.
"""
