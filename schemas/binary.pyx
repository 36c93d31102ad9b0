# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Avro's binary encoding of flat records, compiled: what `writers.py` and fastavro do, in C.

A `Coder` walks the fields of one record type. It takes what the contract's schemas are made of:
string, bytes, long, boolean, double, arrays of strings and of records, records; other types raise
TypeError when the coder is made, and `schemas.codec` then goes without it.
Source of the encoding: Apache Avro 1.12 specification, "Binary Encoding".
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.float cimport PyFloat_AsDouble
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject, PyObject_GetAttr, PyObject_IsTrue
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL
    object PyUnicode_DecodeUTF8(const char* text, Py_ssize_t size, const char* errors)
    object PyObject_CallObject(object called, object arguments)
    long long PyLong_AsLongLong(object number) except? -1

cdef enum:
    STRING = 0
    BYTES = 1
    LONG = 2
    BOOLEAN = 3
    DOUBLE = 4
    STRINGS = 5
    RECORD = 6
    RECORDS = 7

cdef enum:
    # Bytes of a message that need no memory of their own; most have fewer.
    ON_THE_STACK = 1024
    # Bytes of the longest long.
    VARINT = 10
    # Items of an array that may take no bytes, of which a message could claim any number.
    EMPTY_MAXIMUM = 1_000_000

cdef struct Buffer:
    char* start
    Py_ssize_t size
    Py_ssize_t room
    bint owned


cdef int grow(Buffer* out, Py_ssize_t wanted) except -1:
    cdef Py_ssize_t room = out.room
    cdef char* larger
    while room - out.size < wanted:
        room *= 2
    if out.owned:
        larger = <char*>PyMem_Realloc(out.start, room)
    else:
        larger = <char*>PyMem_Malloc(room)
        if larger != NULL:
            memcpy(larger, out.start, out.size)
    if larger == NULL:
        raise MemoryError
    out.start, out.room, out.owned = larger, room, True
    return 0


cdef inline int put_long(Buffer* out, int64_t number) except -1:
    cdef uint64_t rest = (<uint64_t>number << 1) ^ <uint64_t>(number >> 63)
    if out.room - out.size < VARINT:
        grow(out, VARINT)
    while rest > 127:
        out.start[out.size] = <char>(rest & 127 | 128)
        out.size += 1
        rest >>= 7
    out.start[out.size] = <char>rest
    out.size += 1
    return 0


cdef inline int put_byte(Buffer* out, int byte) except -1:
    if out.room == out.size:
        grow(out, 1)
    out.start[out.size] = <char>byte
    out.size += 1
    return 0


cdef inline int put_sized(Buffer* out, const char* raw, Py_ssize_t size) except -1:
    put_long(out, size)
    if out.room - out.size < size:
        grow(out, size)
    memcpy(out.start + out.size, raw, size)
    out.size += size
    return 0


cdef inline int put_string(Buffer* out, object text) except -1:
    cdef Py_ssize_t size
    cdef const char* raw = PyUnicode_AsUTF8AndSize(text, &size)
    return put_sized(out, raw, size)


cdef inline int put_double(Buffer* out, double number) except -1:
    cdef uint64_t bits
    cdef int place
    memcpy(&bits, &number, 8)
    if out.room - out.size < 8:
        grow(out, 8)
    for place in range(8):
        out.start[out.size + place] = <char>(bits >> (8 * place) & 255)
    out.size += 8
    return 0


cdef struct Source:
    const unsigned char* at
    const unsigned char* end


cdef inline int64_t take_long(Source* source) except? -1:
    cdef uint64_t number = 0
    cdef unsigned char byte
    cdef int shift = 0
    while shift < 64:
        if source.at >= source.end:
            raise EOFError("it ends within a number")
        byte = source.at[0]
        source.at += 1
        number |= <uint64_t>(byte & 127) << shift
        if byte < 128:
            return <int64_t>(number >> 1) ^ -<int64_t>(number & 1)
        shift += 7
    raise ValueError("a number is longer than ten bytes")


cdef inline Py_ssize_t take_size(Source* source) except -1:
    cdef int64_t size = take_long(source)
    if size < 0 or size > source.end - source.at:
        raise EOFError("it ends within a text")
    return size


cdef inline object take_string(Source* source):
    cdef Py_ssize_t size = take_size(source)
    cdef const char* raw = <const char*>source.at
    source.at += size
    return PyUnicode_DecodeUTF8(raw, size, NULL)


cdef inline double take_double(Source* source) except? -1.0:
    cdef uint64_t bits = 0
    cdef double number
    cdef int place
    if source.end - source.at < 8:
        raise EOFError("it ends within a number")
    for place in range(8):
        bits |= <uint64_t>source.at[place] << (8 * place)
    source.at += 8
    memcpy(&number, &bits, 8)
    return number


cdef inline int64_t take_count(Source* source) except? -1:
    """Items of the next block of an array; 0 at its end."""
    cdef int64_t count = take_long(source)
    if count < 0:
        # A block that says how many bytes it has, so that a reader may skip it.
        take_long(source)
        if count == -(2 ** 63):
            raise ValueError("an array has more items than there can be")
        count = -count
    if count > source.end - source.at and count > EMPTY_MAXIMUM:
        raise EOFError("it ends within an array")
    return count


cdef class Coder:
    """Writes and reads one record type."""

    cdef object record
    cdef bytes mark
    cdef tuple names
    cdef list within
    cdef int fields
    cdef int* kinds

    def __cinit__(self, object record, dict schema, bytes mark, dict named):
        """`mark` stands in front of each message. `named` are the coders of the records that were
        defined before, to which those of this schema are added. Raises TypeError for a field type
        that the contract does not use."""
        self.record, self.mark = record, mark
        self.fields = len(schema["fields"])
        self.kinds = <int*>PyMem_Malloc(self.fields * sizeof(int) + 1)
        if self.kinds == NULL:
            raise MemoryError
        self.names = tuple(field["name"] for field in schema["fields"])
        self.within = []
        for number, field in enumerate(schema["fields"]):
            self.kinds[number], inner = _kind(record, field, named)
            self.within.append(inner)
        # Fields at the end that the schema does not have yet keep their defaults.
        if self.names != record.__struct_fields__[:self.fields]:
            raise TypeError(f"{record.__name__} has its fields in another order than its schema")
        named[f"{schema['namespace']}.{schema['name']}"] = self

    def __dealloc__(self):
        PyMem_Free(self.kinds)

    def encode(self, object record) -> bytes:
        """The mark and the record's body. Raises TypeError, OverflowError or UnicodeError for a
        value that its field cannot hold."""
        cdef char stack[ON_THE_STACK]
        cdef Buffer out
        out.start, out.size, out.room, out.owned = stack, 0, ON_THE_STACK, False
        try:
            memcpy(out.start, PyBytes_AS_STRING(self.mark), PyBytes_GET_SIZE(self.mark))
            out.size = PyBytes_GET_SIZE(self.mark)
            self.put(&out, record)
            return PyBytes_FromStringAndSize(out.start, out.size)
        finally:
            if out.owned:
                PyMem_Free(out.start)

    cdef int put(self, Buffer* out, object record) except -1:
        cdef int number
        cdef int kind
        cdef Py_ssize_t item
        cdef object value
        cdef Coder inner
        if type(record) is not self.record:
            raise TypeError(f"a {self.record.__name__} is wanted, not a {type(record).__name__}")
        for number in range(self.fields):
            kind = self.kinds[number]
            value = PyObject_GetAttr(record, <object>self.names[number])
            if kind == STRING:
                put_string(out, value)
            elif kind == LONG:
                put_long(out, PyLong_AsLongLong(value))
            elif kind == BOOLEAN:
                put_byte(out, PyObject_IsTrue(value))
            elif kind == BYTES:
                if type(value) is not bytes:
                    raise TypeError(f"{self.names[number]}: bytes are wanted")
                put_sized(out, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
            elif kind == DOUBLE:
                put_double(out, PyFloat_AsDouble(value))
            elif kind == RECORD:
                inner = <Coder>self.within[number]
                inner.put(out, value)
            else:
                if type(value) is not list:
                    raise TypeError(f"{self.names[number]}: a list is wanted")
                if PyList_GET_SIZE(value):
                    put_long(out, PyList_GET_SIZE(value))
                    if kind == STRINGS:
                        for item in range(PyList_GET_SIZE(value)):
                            put_string(out, <object>PyList_GET_ITEM(value, item))
                    else:
                        inner = <Coder>self.within[number]
                        for item in range(PyList_GET_SIZE(value)):
                            inner.put(out, <object>PyList_GET_ITEM(value, item))
                put_long(out, 0)
        return 0

    def decode(self, bytes message) -> object:
        """The record of a message that begins with the mark of its schema. Raises EOFError,
        ValueError or UnicodeError for one that is truncated or damaged."""
        cdef Source source
        source.at = <const unsigned char*>PyBytes_AS_STRING(message)
        source.end = source.at + PyBytes_GET_SIZE(message)
        if PyBytes_GET_SIZE(message) < PyBytes_GET_SIZE(self.mark):
            raise EOFError("it ends before its body")
        source.at += PyBytes_GET_SIZE(self.mark)
        return self.take(&source)

    cdef object take(self, Source* source):
        cdef int number
        cdef int kind
        cdef int64_t count
        cdef object value
        cdef Coder inner
        cdef tuple values = PyTuple_New(self.fields)
        for number in range(self.fields):
            kind = self.kinds[number]
            if kind == STRING:
                value = take_string(source)
            elif kind == LONG:
                value = take_long(source)
            elif kind == BOOLEAN:
                if source.at >= source.end:
                    raise EOFError("it ends before a boolean")
                value = source.at[0] != 0
                source.at += 1
            elif kind == BYTES:
                count = take_size(source)
                value = PyBytes_FromStringAndSize(<const char*>source.at, count)
                source.at += count
            elif kind == DOUBLE:
                value = take_double(source)
            elif kind == RECORD:
                inner = <Coder>self.within[number]
                value = inner.take(source)
            else:
                value = []
                inner = <Coder>self.within[number] if kind == RECORDS else None
                while True:
                    count = take_count(source)
                    if count == 0:
                        break
                    while count > 0:
                        if inner is None:
                            (<list>value).append(take_string(source))
                        else:
                            (<list>value).append(inner.take(source))
                        count -= 1
            Py_INCREF(value)
            PyTuple_SET_ITEM(values, number, value)
        return PyObject_CallObject(self.record, values)


def _kind(record, field, named):
    """Number of the field's type, and the coder of what is within it."""
    kind = field["type"]
    if isinstance(kind, dict):
        kind = kind["type"] if "logicalType" in kind else kind
    if isinstance(kind, str):
        plain = {"string": STRING, "bytes": BYTES, "long": LONG, "boolean": BOOLEAN,
                 "double": DOUBLE}
        if kind in plain:
            return plain[kind], None
    elif kind["type"] == "array" and kind["items"] == "string":
        return STRINGS, None
    elif kind["type"] == "array":
        return RECORDS, _inner(kind["items"], record, field, named)
    if isinstance(kind, str) and kind in named or isinstance(kind, dict):
        return RECORD, _inner(kind, record, field, named)
    raise TypeError(f"{record.__name__}.{field['name']}: no coder for {kind}")


def _inner(schema, record, field, named):
    if isinstance(schema, str):
        return named[schema]
    return Coder(_class_within(record, field["name"]), schema, b"", named)


def _class_within(record, name):
    """The struct of a field, or of the items of its list."""
    from typing import get_args, get_type_hints

    hint = get_type_hints(record)[name]
    found = get_args(hint)
    return found[0] if found else hint
