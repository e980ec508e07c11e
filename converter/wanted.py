"""The options of `convert` that decide what a folder holds."""

from collections.abc import Callable
from dataclasses import dataclass

from blazepalm.converter.converted import Converted
from blazepalm.converter.coreai.needed import check_precision, need_coreai
from blazepalm.converter.coreml.needed import need_coremltools
from blazepalm.converter.coreml.options import CoreMLOptions
from blazepalm.converter.evidence import NO_OVERRIDES, Overrides
from blazepalm.converter.int8_file import Int8File
from blazepalm.converter.layout import check_layout_name
from blazepalm.converter.pte import check_delegate, need_executorch

CoreMLChoice = CoreMLOptions | Callable[[Converted], CoreMLOptions] | None
TFLiteChoice = Callable[[Converted, bytes], Int8File | None] | None


@dataclass(frozen=True)
class Wanted:
    """The options of `convert` that decide what a folder holds; see there. `check` raises TypeError
    or ArtifactError for one that cannot be met here.
    """

    overrides: Overrides = NO_OVERRIDES
    layout: str = "nhwc"
    coreml: CoreMLChoice = None
    tflite: TFLiteChoice = None
    pte: str | None = None
    aimodel: str | None = None
    anyway: bool = False

    def check(self) -> None:
        check_layout_name(self.layout)
        coreml, tflite = self.coreml, self.tflite
        if coreml is not None and not isinstance(coreml, CoreMLOptions) and not callable(coreml):
            raise TypeError(
                f"coreml is {type(coreml).__name__}, expected CoreMLOptions, a function or None"
            )
        if coreml is not None:
            need_coremltools("writing a Core ML package", "leave it out (--no-coreml, coreml=None)")
        if tflite is not None and not callable(tflite):
            raise TypeError(f"tflite is {type(tflite).__name__}, expected IntegerFile or None")
        if self.pte is not None:
            check_delegate(self.pte)
            need_executorch()
        if self.aimodel is not None:
            check_precision(self.aimodel)
            need_coreai()
