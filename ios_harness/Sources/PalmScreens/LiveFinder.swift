// Finds the hands in a camera's frames one by one, with the other figures that the screen shows.

#if canImport(CoreML)
  import CoreML
  import Foundation
  import PalmCore
  import PalmKit

  #if canImport(CoreVideo)
    import CoreVideo
  #endif

  /// One line of the table of stages.
  public struct StageTime: Equatable, Sendable, Identifiable {
    /// The stage's name.
    public var name: String
    /// Its mean time over the last frames, in milliseconds.
    public var milliseconds: Double

    /// The name.
    public var id: String { name }
  }

  /// The mean time of each stage over about the last ten frames; a skipped stage counts as 0, so
  /// the means add up to the total.
  public struct StageTimes: Equatable, Sendable {
    private static let stages: [(String, KeyPath<FrameTimings, Double> & Sendable)] = [
      ("Letterbox", \.letterbox), ("Detector", \.detector), ("Palms", \.palms),
      ("Crops", \.crops), ("Landmarks", \.landmarks), ("Hands", \.hands),
    ]
    private var means: [Double]?

    /// No frame yet.
    public init() {}

    /// Adds a frame with a weight of one tenth.
    public mutating func add(_ timings: FrameTimings) {
      let new = Self.stages.map { timings[keyPath: $0.1] }
      means = means.map { old in zip(old, new).map { 0.9 * $0 + 0.1 * $1 } } ?? new
    }

    /// All stages in order; empty before the first frame.
    public var rows: [StageTime] {
      zip(Self.stages, means ?? []).map { StageTime(name: $0.0, milliseconds: $1) }
    }

    /// All stages together; 0 before the first frame.
    public var total: Double { (means ?? []).reduce(0, +) }
  }

  /// The results of a frame.
  public struct FrameReport: Equatable, Sendable {
    /// The hands in it.
    public var hands: [Hand]
    /// Its size in pixels.
    public var picture: ImageSize
    /// The mean time of each stage.
    public var stages: StageTimes
    /// Frames per second; nil until there are two.
    public var framesPerSecond: Double?
  }

  /// Finds hands in frames. Use it from one serial queue: the frames' queue, never the main one. It
  /// is Sendable so that it can be passed to that queue.
  public final class LiveFinder: @unchecked Sendable {
    private var tracker: HandTracker?
    private var stages = StageTimes()
    private var rate = FrameRate()

    /// A finder without a tracker.
    public init() {}

    /// Replaces the tracker, or removes it, and resets all means.
    public func use(_ tracker: HandTracker?) {
      self.tracker = tracker
      stages = StageTimes()
      rate = FrameRate()
    }

    /// Replaces the tracker on the frames' queue, which alone has it from then on.
    public func use(_ tracker: sending HandTracker, on queue: DispatchQueue) {
      nonisolated(unsafe) let tracker = tracker
      queue.async { self.use(tracker) }
    }

    /// The number of hands to look for, from the next frame on.
    public func setMaximumHands(_ count: Int) {
      tracker?.maximumHands = count
    }

    /// The hands in a frame that arrived at `seconds`; nil without a tracker.
    ///
    /// Throws `PalmError` as ``PalmKit/HandTracker/hands(in:)`` does; the next frame
    /// can still be tried.
    public func report(on frame: CVPixelBuffer, at seconds: Double) throws -> FrameReport? {
      guard let tracker else { return nil }
      let hands = try tracker.hands(in: frame)
      stages.add(tracker.timings)
      rate.frame(at: seconds)
      return FrameReport(
        hands: hands, picture: pixelSize(of: frame), stages: stages,
        framesPerSecond: rate.perSecond)
    }
  }

  /// Compiles (once) and loads the chosen models.
  ///
  /// Throws `PalmError` if that fails.
  public func loadTracker(
    _ choice: TrackerChoice, from fixtures: Fixtures, store: ModelStore? = nil
  ) async throws -> HandTracker {
    let choice = try choice.fitted(to: fixtures.manifest)
    var options = HandTracker.Options()
    options.units = choice.units
    options.maximumHands = choice.maximumHands
    options.follows = choice.follows
    let folder = fixtures.folder
    return try await HandTracker.load(
      palm: folder.appendingPathComponent(fixtures.model(choice.palm).package),
      landmarks: folder.appendingPathComponent(fixtures.model(choice.hand).package),
      options: options, store: store)
  }
#endif
