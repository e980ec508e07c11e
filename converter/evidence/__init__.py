"""What a file does not state: the role of each output, the input's value range, the generation.

`settle` finds them for a recognised network. Evidence, with the words that specs and reports use:

  option      the user said so (`Overrides`)
  release     the whole network is a known release's
  names       of outputs: the signature, the metadata, the tensors (`names`)
  shape       only one role has this shape
  weights     the same weights as in a known release, up to rounding (`known_weights`)
  file        the input's quantisation or its normalisation in the metadata (`input_range`)
  behaviour   how the network answers rendered hands of known truth (`behaviour`)
  structure   the input's size and the outputs fit one generation
  assumed     nothing decided; `settle` warns
"""

from blazepalm.converter.evidence.decision import settle, summary, with_generation
from blazepalm.converter.evidence.overrides import NO_OVERRIDES, Overrides

__all__ = ["NO_OVERRIDES", "Overrides", "settle", "summary", "with_generation"]
