"""The flatbuffer verifier's rules, which LiteRT applies before it reads a model: every table,
vector and string lies inside the file, on its alignment, at a bounded depth.

The accessors that read the file follow any offset, so a file that breaks a rule may read well and
yet be refused everywhere else. Rules: class `Verifier` of
https://github.com/google/flatbuffers/blob/v25.2.10/include/flatbuffers/verifier.h
"""

import struct
from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 64
MAX_TABLES = 1 << 16  # LiteRT's limit is a million; the largest release has 3000

_u16, _u32, _i32 = (struct.Struct(form).unpack_from for form in ("<H", "<I", "<i"))

# A table's fields in their order: the bytes of a scalar, [bytes of a vector's scalars], `str`,
# another table or [tables], an enumeration between < > for a union, whose kind the field before
# it tells; `-` for what is no longer used, and not looked at.
_SCHEMA = """
Model: 4 [OperatorCode] [SubGraph] str [Buffer] [4] [Metadata] [SignatureDef] [ExternalBufferGroup] [ExternalBuffer]
OperatorCode: 1 str 4 4
SubGraph: [Tensor] [4] [4] [Operator] str 4
Tensor: [4] 1 4 str QuantizationParameters 1 SparsityParameters [4] 1 [VariantSubType] 4
QuantizationParameters: [4] [4] [4] [8] 1 <QuantizationDetails> 4
CustomQuantization: [1]
BlockwiseQuantization: 4 4 4 [4]
MultiAxisQuantization: 4 4 4 [4]
SparsityParameters: [4] [4] [DimensionMetadata]
DimensionMetadata: 1 4 1 <SparseIndexVector> 1 <SparseIndexVector>
Int32Vector: [4]
Uint16Vector: [2]
Uint8Vector: [1]
VariantSubType: [4] 1 1
Operator: 4 [4] [4] 1 <BuiltinOptions> [1] 1 [1] [4] 8 8 1 <BuiltinOptions2> 4
Buffer: [1] 8 8
Metadata: str 4
SignatureDef: [TensorMap] [TensorMap] str - 4
TensorMap: str 4
ExternalBufferGroup: str
ExternalBuffer: 4 4 8 8 str
"""  # noqa: E501

# the tables of operators' options that have fields, each with the kinds that have those
_OPTIONS = """
1: LSHProjection Mul L2Norm Div EmbeddingLookupSparse Reducer ArgMax ArgMin SparseToDense Shape
1: MirrorPad Unique Gelu StablehloRngBitGenerator
1 1: RNN Add ResizeNearestNeighbor Sub Cast Cumsum
1 1 1: SequenceRNN BatchMatMul
1 1 1 1: BidirectionalSequenceRNN
1 1 1 1 1 [1]: FullyConnected
1 4 4 1 1: LSTM TransposeConv
1 4 4 1 1 1: UnidirectionalSequenceLSTM BidirectionalSequenceLSTM
1 4 4 1 4 4 1: Conv2D
1 4 4 4 1 4 4: DepthwiseConv2D
1 4 4 4 1 4 4 4: Conv3D
1 4 4 4 4 1: Pool2D
4: Softmax Call SpaceToDepth DepthToSpace Split SplitV OneHot LeakyRelu CallOnce ReduceWindow
4 1: Concatenation
4 1 1: SVDF Hashtable
4 4: Gather Pack Unpack ReverseSequence If While StablehloWhile StablehloCompare
4 4 1: SkipGram
4 4 4 1: FakeQuant
4 4 4 4: LocalResponseNormalization
4 4 4 4 4 1: StridedSlice
4 [4] [4]: ConcatEmbeddings
- - 1 1: ResizeBilinear
8 8: Random
[4]: Reshape Squeeze Bucketize StablehloCase
str str: VarHandle
str 4 [1] 1 4: StableHLOComposite
8: StablehloConcatenate StablehloIota
8 1 4: StablehloSort
1 [8] [8] [8] 8 1 4: StablehloScatter
[8]: StablehloTranspose StablehloBroadcastInDim StablehloDynamicSlice
[8] 4: StablehloReduce
[8] [8] [8]: StablehloPad StablehloSlice
[8] [8] [8] 8 [8] 1: StablehloGather
[8] [8] [8] [8] [4]: StablehloDotGeneral
[8] [8] [8] [8] [8] 4: StablehloReduceWindow
[8] [8] [8] [8] [1] 8 8 [8] 8 8 [8] 8 8 [8] 8 8 [4]: StablehloConvolution
str 1 str 4 [4] [1]: StablehloCustomCall
"""


def _parsed() -> dict[str, tuple[str, ...]]:
    tables = {}
    for line in _SCHEMA.strip().splitlines():
        name, _, fields = line.partition(":")
        tables[name] = tuple(fields.split())
    for line in _OPTIONS.strip().splitlines():
        fields, _, names = line.partition(":")
        tables.update({f"{name}Options": tuple(fields.split()) for name in names.split()})
    return tables


TABLES = _parsed()

Unions = Mapping[str, Mapping[int, str]]  # enumeration → number → table


class Damaged(ValueError):
    """The file breaks a rule; the message says which, and in what table."""


def verify(content: bytes, unions: Unions) -> None:
    """Raises Damaged unless the bytes are a whole model by the verifier's rules."""
    found = _Verifier(content, unions)
    found.table(found.target(0, "the file"), "Model", 1)


class _Verifier:
    def __init__(self, content: bytes, unions: Unions) -> None:
        self.content = content
        self.size = len(content)
        self.unions = unions
        self.tables = 0

    def table(self, at: int, name: str, depth: int) -> None:
        self.tables += 1
        if depth > MAX_DEPTH or self.tables > MAX_TABLES:
            raise Damaged(f"table {name} is nested too deeply, or there are too many tables")
        self.room(at, 4, name, aligned=4)
        fields = at - _i32(self.content, at)[0]
        self.room(fields, 2, name, aligned=2)
        (length,) = _u16(self.content, fields)
        self.room(fields, length, name)
        if length % 2:
            raise Damaged(f"table {name} has a list of fields of {length} bytes")
        kind = 0
        for slot, form in enumerate(TABLES.get(name, ())):
            entry = 4 + 2 * slot
            offset = _u16(self.content, fields + entry)[0] if entry < length else 0
            if offset and form != "-":
                self.field(at + offset, form, name, kind, depth)
            kind = self.content[at + offset] if offset and form == "1" else 0

    def field(self, at: int, form: str, name: str, kind: int, depth: int) -> None:
        if form.isdigit():
            self.room(at, int(form), name, aligned=int(form))
            return
        there = self.target(at, name)
        if form == "str":
            end = self.vector(there, 1, name)
            self.room(end, 1, name)
            if self.content[end]:
                raise Damaged(f"a text of table {name} has no end")
        elif form[0] == "<":
            if table := self.unions[form[1:-1]].get(kind):
                self.table(there, table, depth + 1)
        elif form[0] != "[":
            self.table(there, form, depth + 1)
        elif form[1].isdigit():
            self.vector(there, int(form[1]), name)
        else:
            end = self.vector(there, 4, name)
            for entry in range(there + 4, end, 4):
                self.table(entry + _u32(self.content, entry)[0], form[1:-1], depth + 1)

    def target(self, at: int, name: str) -> int:
        """Where the offset at a place leads."""
        self.room(at, 4, name, aligned=4)
        (offset,) = _u32(self.content, at)
        if not 0 < offset < 1 << 31:
            raise Damaged(f"an offset of table {name} is {offset}")
        self.room(at + offset, 1, name)
        return int(at + offset)

    def vector(self, at: int, width: int, name: str) -> int:
        """The end of a vector whose entries have `width` bytes."""
        self.room(at, 4, name, aligned=4)
        (count,) = _u32(self.content, at)
        self.room(at, 4 + count * width, name)
        return int(at + 4 + count * width)

    def room(self, at: int, size: int, name: str, aligned: int = 1) -> None:
        if not (at >= 0 and size < self.size and at <= self.size - size):
            raise Damaged(f"a part of table {name} is at bytes {at} to {at + size}, outside it")
        if at % aligned:
            raise Damaged(f"a part of table {name} is at byte {at}, no multiple of {aligned}")


def unions_of(schema: Any) -> Unions:
    """The enumerations of the installed schema module that name a union's table."""
    names = ("BuiltinOptions", "BuiltinOptions2", "QuantizationDetails", "SparseIndexVector")
    return {
        name: {
            number: table
            for table, number in vars(getattr(schema, name)).items()
            if isinstance(number, int) and number
        }
        for name in names
        if hasattr(schema, name)
    }
