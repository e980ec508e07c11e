// Differences between two tensors and between two sets of hands. Thresholds are applied in Python.

/// One tensor compared with its reference.
public struct TensorComparison: Equatable, Sendable {
  /// The number of values compared.
  public var count: Int
  /// The largest |candidate − reference| over pairs of finite values; nil if there is none.
  public var maximumError: Double?
  /// The number of NaN or infinite values in the candidate.
  public var nonFinite: Int
  /// Whether the candidate has more than one value and all are the same.
  public var isConstant: Bool

  /// Compares value by value; the arrays must have the same count.
  ///
  /// Throws ``PalmError/invalidTensor(_:)`` if the counts differ or are 0.
  public init(reference: [Float], candidate: [Float]) throws {
    guard reference.count == candidate.count, !reference.isEmpty else {
      throw PalmError.invalidTensor(
        "\(candidate.count) values cannot be compared with \(reference.count) recorded ones")
    }
    count = reference.count
    var largest: Double?
    var bad = 0
    var same = true
    for (r, c) in zip(reference, candidate) {
      same = same && c == candidate[0]
      guard c.isFinite else {
        bad += 1
        continue
      }
      if r.isFinite {
        largest = max(largest ?? 0, abs(Double(c) - Double(r)))
      }
    }
    maximumError = largest
    nonFinite = bad
    isConstant = same && candidate.count > 1
  }
}

/// The hands of a picture compared with the expected ones.
public struct HandComparison: Equatable, Sendable {
  /// The number of hands expected.
  public var expected: Int
  /// The number of hands found.
  public var found: Int
  /// The lowest overlap (IoU) of the rectangles round a pair's landmarks; nil if there is no
  /// pair.
  public var boxIoUMinimum: Double?
  /// The largest distance in x or y of a pair's landmarks, normalised to the image; nil if
  /// there is no pair.
  public var landmarkErrorMaximum: Double?

  /// Pairs hands so that the sum of overlaps is largest, and measures the pairs.
  public init(expected: [[SIMD3<Float>]], found: [[SIMD3<Float>]]) {
    self.expected = expected.count
    self.found = found.count
    let overlaps = expected.map { e in found.map { landmarkOverlap(e, $0) } }
    let pairs = bestPairs(overlaps)
    boxIoUMinimum = pairs.map { overlaps[$0.0][$0.1] }.min()
    landmarkErrorMaximum =
      pairs.map { pair in
        zip(expected[pair.0], found[pair.1]).map { e, f in
          Double(max(abs(e.x - f.x), abs(e.y - f.y)))
        }.max() ?? .infinity
      }.max()
  }
}

private func landmarkOverlap(_ a: [SIMD3<Float>], _ b: [SIMD3<Float>]) -> Double {
  func corners(_ points: [SIMD3<Float>]) -> (SIMD2<Float>, SIMD2<Float>) {
    let xs = points.map(\.x)
    let ys = points.map(\.y)
    return (
      SIMD2(xs.min() ?? 0, ys.min() ?? 0), SIMD2(xs.max() ?? 0, ys.max() ?? 0)
    )
  }
  let (aLow, aHigh) = corners(a)
  let (bLow, bHigh) = corners(b)
  return Double(intersectionOverUnion(aLow, aHigh, bLow, bHigh))
}

/// The assignment of rows to columns with the largest sum. Tries every assignment of up to 6 rows
/// and columns; beyond that, takes the best free column for each row in turn.
func bestPairs(_ scores: [[Double]]) -> [(Int, Int)] {
  let rows = scores.count
  let columns = scores.first?.count ?? 0
  guard rows > 0, columns > 0 else { return [] }
  if rows > columns {
    let turned = (0..<columns).map { c in (0..<rows).map { scores[$0][c] } }
    return bestPairs(turned).map { ($0.1, $0.0) }.sorted { $0.0 < $1.0 }
  }
  if columns > 6 {
    var free = Set(0..<columns)
    return (0..<rows).compactMap { row in
      guard let best = free.max(by: { (scores[row][$0], $1) < (scores[row][$1], $0) }) else {
        return nil
      }
      free.remove(best)
      return (row, best)
    }
  }
  var best: (total: Double, pairs: [(Int, Int)]) = (-1, [])
  func extend(_ pairs: [(Int, Int)], _ total: Double) {
    guard pairs.count < rows else {
      if total > best.total { best = (total, pairs) }
      return
    }
    let row = pairs.count
    for column in 0..<columns where !pairs.contains(where: { $0.1 == column }) {
      extend(pairs + [(row, column)], total + scores[row][column])
    }
  }
  extend([], 0)
  return best.pairs
}
