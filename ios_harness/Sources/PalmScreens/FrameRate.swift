// Frames finished over the last second.

/// Frames per second, from the times when frames were finished.
public struct FrameRate: Equatable, Sendable {
  private var times: [Double] = []

  /// No frame yet.
  public init() {}

  /// Records a frame finished at `seconds` of any clock that runs forward.
  public mutating func frame(at seconds: Double) {
    times.append(seconds)
    times.removeAll { $0 < seconds - 1 || $0 > seconds }
  }

  /// Frames per second; nil until two frames lie within one second.
  public var perSecond: Double? {
    guard let first = times.first, let last = times.last, last > first else { return nil }
    return Double(times.count - 1) / (last - first)
  }
}
