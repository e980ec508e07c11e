// float16 from its bits. Intel Macs have no `Float16`, and the tests may run there too.
// Format: IEEE 754-2019, binary16.

/// The value of the float16 with these bits; float32 represents every one exactly.
public func float(half bits: UInt16) -> Float {
  let negative = bits & 0x8000 != 0
  let exponent = Int(bits >> 10 & 0x1F)
  let fraction = UInt32(bits & 0x3FF)
  let magnitude: Float
  switch exponent {
  case 0: magnitude = Float(fraction) * 0x1p-24
  case 31: magnitude = fraction == 0 ? .infinity : .nan
  default:
    magnitude = Float(bitPattern: UInt32(exponent + 112) << 23 | fraction << 13)
  }
  return negative ? -magnitude : magnitude
}
