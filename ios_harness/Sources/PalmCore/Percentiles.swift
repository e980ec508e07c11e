// Percentiles with linear interpolation between the two nearest samples, numpy's default.

/// The value below which `percent` % of the samples lie; nil if there are none.
public func percentile(_ samples: [Double], _ percent: Double) -> Double? {
  guard !samples.isEmpty, (0...100).contains(percent) else { return nil }
  let sorted = samples.sorted()
  let position = percent / 100 * Double(sorted.count - 1)
  let below = Int(position)
  let above = min(below + 1, sorted.count - 1)
  return sorted[below] + (sorted[above] - sorted[below]) * (position - Double(below))
}

/// Nanoseconds → milliseconds.
public func milliseconds(_ nanoseconds: some BinaryInteger) -> Double {
  Double(nanoseconds) / 1e6
}
