"""Customers: commands, events and state of their room, and the keys of what is personal.

Key of every record is customer_id, but for KeyIssued, whose key is key_id. A customer is known by a
pseudonym; what is personal stands in `personal`, encrypted, or nowhere.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field

from schemas.orders import Address
from schemas.records import Millis, Record

SEGMENTS_KEY = "@segments"
"""Key of the rules for segments, on each partition."""


class Refusal(StrEnum):
    """Why a command about a customer is refused; the order of checks."""

    ERASED = "erased"
    """the command is from before the customer was erased"""


class Outcome(StrEnum):
    """What has become of an order. The later word counts; refused and cancelled are the end."""

    PLACED = "placed"
    RELEASED = "released"
    REFUNDED = "refunded"
    """total_minor says how much of it, all refunds together"""
    REFUSED = "refused"
    CANCELLED = "cancelled"


class Contact(Struct, frozen=True, omit_defaults=True):
    """Whom an order or a profile names. Never in clear on a topic."""

    name: str = ""
    company: str = ""
    email: str = ""
    email_verified: bool = False
    """the channel says that the customer has shown that it is theirs"""
    phone: str = ""
    phone_verified: bool = False
    channel_customer_id: str = ""


class Personalisation(Struct, frozen=True):
    """What a customer wants written on, or done to, the goods of a line."""

    line_id: str
    name: str
    value: str


class Personal(Struct, frozen=True, omit_defaults=True):
    """What is personal of an order or a profile: `personal` is this as JSON, encrypted."""

    contact: Contact = field(default_factory=Contact)
    addresses: list[Address] = field(default_factory=list)
    """of an order: ship_to, then more_addresses, each in full"""
    billing: Address | None = None
    note: str = ""
    personalisation: list[Personalisation] = field(default_factory=list)


class Preference(Record, frozen=True):
    """One wish of a customer's, e.g. language is de, marketing is no. Nothing personal."""

    name: str
    value: str


class SegmentRule(Record, frozen=True):
    """A segment, and who is in it. All bounds of a rule hold; the first rule that fits counts."""

    segment: str
    recency_days: int = 0
    """the latest order is no older; 0 for any"""
    frequency: int = 0
    """orders, at least"""
    value_minor: int = 0
    """what they came to less refunds, at least, in minor units of the currency"""
    currency: str = ""
    """of value_minor; empty for the one in which the customer has spent most"""


class Figure(Record, frozen=True):
    """What a customer's orders of one currency came to."""

    currency: str
    orders: int
    """neither refused nor cancelled"""
    total_minor: int
    """of those orders, less refunds"""


class RecentOrder(Record, frozen=True):
    """An order, as the rules for velocity and duplicates need it."""

    order_id: str
    channel: str
    currency: str
    total_minor: int
    lines_hash: int
    """of SKUs and quantities; tells the same purchase"""
    placed_at_ms: Millis


class Member(Record, frozen=True):
    """A customer who was merged into another, and what their orders came to."""

    customer_id: str
    revision: int
    """grows with each change of the figures"""
    first_order_at_ms: Millis
    last_order_at_ms: Millis
    figures: list[Figure]


class KeyIssued(Record, frozen=True):
    """A key for personal data. A null value erases it, and with it all that it had encrypted."""

    key_id: str
    """of a payload's key: its raw_id, so that both stand in partitions of one number"""
    subjects: list[str]
    """customer ids of whom it encrypts something; empty where the payload names nobody"""
    wrapped: bytes
    """encrypted with the master key"""
    at_ms: Millis


class AssessOrder(Record, frozen=True):
    """Tell what is known of the customer of a new order. Answered by orders.RecordAssessment; the
    same again has the same answer, other content of the same order a new one."""

    customer_id: str
    order_id: str
    channel: str
    currency: str
    total_minor: int
    lines_hash: int
    """of SKUs and quantities; tells the same purchase"""
    placed_at_ms: Millis
    counts_for: str = ""
    """from the room to itself: the merged id that has the order; empty where it is customer_id"""


class RecordOrder(Record, frozen=True):
    """What has become of an order. The same again changes nothing."""

    customer_id: str
    order_id: str
    outcome: str
    """one of Outcome"""
    currency: str
    total_minor: int
    """what the order comes to now; of refunded, the sum of all refunds"""
    at_ms: Millis


class SetCustomer(Record, frozen=True):
    """Set a customer's profile, and merge them with whoever a verified contact stands for."""

    customer_id: str
    key_id: str
    personal: bytes
    """encrypted Personal, bound to key_id; empty: as it was"""
    personal_hash: int
    """keyed hash of the same in clear"""
    preferences: list[Preference]
    """those that are named change; an empty value takes one out"""
    verified: list[str]
    """customer ids that their verified e-mail addresses and phones stand for"""
    actor: str
    at_ms: Millis


class MergeCustomers(Record, frozen=True):
    """Two ids are one customer. The id that sorts first stays, whichever is named first."""

    customer_id: str
    into: str
    actor: str
    at_ms: Millis


class AbsorbCustomer(Record, frozen=True):
    """From the room to itself: what a merged id has come to. Only a greater revision counts."""

    customer_id: str
    """who stays"""
    member: Member
    """who goes, or went into who goes"""
    recent: list[RecentOrder]
    """the latest orders of who goes"""
    preferences: list[Preference]
    key_id: str
    personal: bytes
    """encrypted Personal of the merged id; empty where it has none"""
    personal_hash: int


class EraseCustomer(Record, frozen=True):
    """Forget what is personal. The figures stay. The keys are erased by who sends this."""

    customer_id: str
    actor: str
    at_ms: Millis


class SetSegmentRules(Record, frozen=True):
    """Set the rules for segments, on each partition. They hold from a customer's next order on."""

    rules: list[SegmentRule]
    actor: str
    at_ms: Millis


class CustomerChanged(Record, frozen=True):
    """The profile is as the command said; nothing personal stands here."""

    customer_id: str
    preferences: list[Preference]
    actor: str
    at_ms: Millis


class CustomerOrderRecorded(Record, frozen=True):
    """An order counts, counts for another sum, or counts no more."""

    customer_id: str
    order_id: str
    outcome: str
    """one of Outcome"""
    currency: str
    total_minor: int
    """what it counts for now: its total less refunds; 0 where it counts no more"""
    previously_minor: int
    """what it counted for before"""
    lifetime_orders: int
    """of that currency, after this record"""
    lifetime_minor: int
    """of that currency, after this record"""
    at_ms: Millis


class SegmentChanged(Record, frozen=True):
    """The customer is in another segment."""

    customer_id: str
    segment: str
    previously: str
    """empty for none"""
    at_ms: Millis


class CustomerMerged(Record, frozen=True):
    """The id stands for another from now on."""

    customer_id: str
    into: str
    actor: str
    at_ms: Millis


class CustomerAbsorbed(Record, frozen=True):
    """What the merged id's orders came to counts here."""

    customer_id: str
    merged_id: str
    """customer id that leads here"""
    figures: list[Figure]
    """of the merged id"""
    at_ms: Millis


class CustomerErased(Record, frozen=True):
    """What is personal is forgotten."""

    customer_id: str
    actor: str
    at_ms: Millis


class SegmentRulesSet(Record, frozen=True):
    """The rules for segments hold on the partition of this record."""

    rules: list[SegmentRule]
    actor: str
    at_ms: Millis


class CustomerCommandRefused(Record, frozen=True):
    """A command about the customer was refused and changed nothing."""

    customer_id: str
    command: str
    reason: str
    at_ms: Millis


class CustomerState(Record, frozen=True):
    """State of one customer (customers.state)."""

    customer_id: str
    merged_into: str = ""
    """who stands for this id now; empty where it is itself"""
    merged_at_ms: Millis = 0
    """0 where it is not merged"""
    erased_at_ms: Millis = 0
    """until when it was told to forget; 0 where it was not, or a later profile was set"""
    key_id: str = ""
    personal: bytes = b""
    """encrypted Personal of the profile; empty where there is none"""
    personal_hash: int = 0
    preferences: list[Preference] = field(default_factory=list)
    segment: str = ""
    revision: int = 0
    """grows with each change of the id's own figures"""
    first_order_at_ms: Millis = 0
    """of the id's own orders"""
    last_order_at_ms: Millis = 0
    """of the id's own orders"""
    figures: list[Figure] = field(default_factory=list)
    """of the id's own orders"""
    members: list[Member] = field(default_factory=list)
    """ids that were merged into this one"""
    recent: list[RecentOrder] = field(default_factory=list)
    """the latest orders, earliest first, those of members among them"""
    wake_at_ms: Millis = 0
    """when the segment changes if no order comes"""


class CustomerOrderState(Record, frozen=True):
    """State of one order of a customer, and how it was assessed (customers.state)."""

    customer_id: str
    order_id: str
    outcome: str = ""
    """one of Outcome; empty before any is known"""
    currency: str = ""
    total_minor: int = 0
    refunded_minor: int = 0
    counted_minor: int = 0
    """what it counts for in the figures"""
    counted: bool = False
    placed_at_ms: Millis = 0
    recorded_at_ms: Millis = 0
    """of the RecordOrder that said the outcome"""
    assessed_hash: int = 0
    """of the content of AssessOrder; 0 where it was not assessed"""
    segment: str = ""
    orders_last_hour: int = 0
    orders_last_day: int = 0
    lifetime_orders: int = 0
    lifetime_minor: int = 0
    lifetime_currency: str = ""
    duplicate_of: str = ""
    assessed_for: str = ""
    """customer id in the answer"""


class SegmentRulesState(Record, frozen=True):
    """The rules for segments of one partition (customers.state)."""

    rules: list[SegmentRule]
    content_hash: int


COMMANDS = (
    AssessOrder,
    RecordOrder,
    SetCustomer,
    MergeCustomers,
    AbsorbCustomer,
    EraseCustomer,
    SetSegmentRules,
)
EVENTS = (
    CustomerChanged,
    CustomerOrderRecorded,
    SegmentChanged,
    CustomerMerged,
    CustomerAbsorbed,
    CustomerErased,
    SegmentRulesSet,
    CustomerCommandRefused,
)
STATES = (CustomerState, CustomerOrderState, SegmentRulesState)
