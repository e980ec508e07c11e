// Merges overlapping detections: weighted suppression over a flat, reused buffer.
//
// Each best detection becomes the score-weighted mean of all that overlap it by more than the
// threshold, and keeps its own score. Sums run in order of falling score, in float32.
// Source: mediapipe/calculators/util/non_max_suppression_calculator.cc (WEIGHTED), v0.10.21.

/// Rows of xmin, ymin, xmax, ymax, then keypoints, and a score for each row. A far corner is the
/// near one plus the box's size in float32, as in MediaPipe. Adding a row allocates nothing: the
/// buffer is large enough for all anchors from the start.
struct PalmCandidates {
  private let row: Int
  private var values: [Float]
  private var scores: [Float]
  private var order: [Int32]
  private var sums: [Float]
  private var count = 0

  init(capacity: Int, keypoints: Int) {
    row = 4 + 2 * keypoints
    values = Array(repeating: 0, count: capacity * row)
    scores = Array(repeating: 0, count: capacity)
    order = []
    order.reserveCapacity(capacity)
    sums = Array(repeating: 0, count: row)
  }

  mutating func removeAll() {
    count = 0
  }

  /// Adds row `index` of (N, 4) corners and (N, K, 2) keypoints.
  mutating func append(
    index: Int, boxes: UnsafeBufferPointer<Float>, keypoints: UnsafeBufferPointer<Float>,
    score: Float
  ) {
    let start = count * row
    let low = SIMD2(boxes[4 * index], boxes[4 * index + 1])
    guard put(low, SIMD2(boxes[4 * index + 2], boxes[4 * index + 3]), score) else { return }
    for offset in 0..<row - 4 {
      values[start + 4 + offset] = keypoints[index * (row - 4) + offset]
    }
  }

  /// Adds row `index` of (N, 4 + 2K) offsets in pixels of an input of `size`, relative to
  /// `anchor`.
  mutating func append(
    index: Int, raw: UnsafeBufferPointer<Float>, anchor: SIMD2<Float>, size: SIMD2<Float>,
    score: Float
  ) {
    let start = count * row
    let first = index * row
    let center = SIMD2(raw[first], raw[first + 1]) / size + anchor
    let half = SIMD2(raw[first + 2], raw[first + 3]) / size / 2
    guard put(center - half, center + half, score) else { return }
    for offset in stride(from: 4, to: row, by: 2) {
      let point = SIMD2(raw[first + offset], raw[first + offset + 1]) / size + anchor
      values[start + offset] = point.x
      values[start + offset + 1] = point.y
    }
  }

  /// Adds a box, unless its size is negative or NaN.
  private mutating func put(_ low: SIMD2<Float>, _ high: SIMD2<Float>, _ score: Float) -> Bool {
    guard high.x >= low.x, high.y >= low.y else { return false }
    let start = count * row
    let far = low + (high - low)
    values[start] = low.x
    values[start + 1] = low.y
    values[start + 2] = far.x
    values[start + 3] = far.y
    scores[count] = score
    count += 1
    return true
  }

  /// The remaining palms, best first. If scores are equal, the earlier anchor comes first.
  mutating func suppressed(above threshold: Float) -> [PalmDetection] {
    order.removeAll(keepingCapacity: true)
    for index in 0..<count {
      order.append(Int32(index))
    }
    scores.withUnsafeBufferPointer { scores in
      order.sort { a, b in
        let first = scores[Int(a)]
        let second = scores[Int(b)]
        return first == second ? a < b : first > second
      }
    }
    var palms: [PalmDetection] = []
    while let best = order.first {
      palms.append(merge(best: Int(best), threshold: threshold))
    }
    return palms
  }

  /// Removes the best row and all that overlap it from `order`, and merges them into one palm.
  private mutating func merge(best: Int, threshold: Float) -> PalmDetection {
    let low = SIMD2(values[best * row], values[best * row + 1])
    let high = SIMD2(values[best * row + 2], values[best * row + 3])
    var total: Float = 0
    var left = 0
    for offset in 0..<row {
      sums[offset] = 0
    }
    for position in 0..<order.count {
      let start = Int(order[position]) * row
      let overlap = intersectionOverUnion(
        low, high, SIMD2(values[start], values[start + 1]),
        SIMD2(values[start + 2], values[start + 3]))
      // an empty box overlaps nothing, not even itself
      if position == 0 || overlap > threshold {
        let score = scores[Int(order[position])]
        total += score
        for offset in 0..<row {
          sums[offset] += values[start + offset] * score
        }
      } else {
        order[left] = order[position]
        left += 1
      }
    }
    order.removeLast(order.count - left)
    let near = SIMD2(sums[0], sums[1]) / total
    return PalmDetection(
      minimum: near, size: SIMD2(sums[2], sums[3]) / total - near,
      keypoints: stride(from: 4, to: row, by: 2).map { SIMD2(sums[$0], sums[$0 + 1]) / total },
      confidence: scores[best])
  }
}
