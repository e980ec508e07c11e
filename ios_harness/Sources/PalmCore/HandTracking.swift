// Tracking: which regions to look at in each frame, and when to detect palms again.
//
// The tracker detects palms only while it tracks fewer hands than wanted. If two regions are of one
// hand, the tracked one stays. Sources, under mediapipe/, v0.10.21:
// modules/hand_landmark/hand_landmark_tracking_cpu.pbtxt, calculators/util/association_calculator.h.

/// A region to look at in this frame, and its palm, if any.
public struct RegionOfInterest: Equatable, Sendable {
  /// The region.
  public var region: Region
  /// The palm it came from; nil for a tracked hand.
  public var palm: PalmDetection?

  /// A region and its palm.
  public init(region: Region, palm: PalmDetection?) {
    self.region = region
    self.palm = palm
  }
}

/// The state between frames. For each frame: detect palms if ``needsPalms``, ask for
/// ``regions(palms:in:)``, run the landmark model on each, and pass the results to
/// ``follow(_:in:)``.
public struct HandTracking: Equatable, Sendable {
  /// Two regions that overlap by more than this (IoU) belong to one hand.
  public static let sameHandIoU = 0.5

  /// The number of hands wanted.
  public var maximumHands: Int
  /// The rule from a palm to a region.
  public var palmRule: RegionRule
  /// The rule from landmarks to the region in the next frame.
  public var handRule: RegionRule
  /// A hand's presence must be above this.
  public var presenceThreshold: Float
  /// Whether to track hands from frame to frame; if not, each frame starts afresh.
  public var follows: Bool
  /// This frame's regions for the hands of the previous frame.
  public private(set) var followed: [Region] = []

  /// A state without hands.
  public init(
    maximumHands: Int = 2, palmRule: RegionRule = .palm, handRule: RegionRule = .hand,
    presenceThreshold: Float = 0.5, follows: Bool = true
  ) {
    self.maximumHands = maximumHands
    self.palmRule = palmRule
    self.handRule = handRule
    self.presenceThreshold = presenceThreshold
    self.follows = follows
  }

  /// Whether palms must be detected in this frame.
  public var needsPalms: Bool {
    followed.count < maximumHands
  }

  /// The regions to look at. `palms` are those of this frame, best first and normalised to the
  /// image; they are ignored while enough hands are tracked.
  public func regions(palms: [PalmDetection], in image: ImageSize) -> [RegionOfInterest] {
    var all: [RegionOfInterest] = []
    if needsPalms {
      for palm in palms.prefix(maximumHands) {
        all.append(RegionOfInterest(region: palmRule.region(palm: palm, in: image), palm: palm))
      }
    }
    all += followed.map { RegionOfInterest(region: $0, palm: nil) }
    return distinct(all.map(\.region)).map { all[$0] }
  }

  /// Keeps the hands that are present, and stores their regions for the next frame.
  public mutating func follow(_ hands: [Hand], in image: ImageSize) -> [Hand] {
    let present = hands.filter { $0.confidence > presenceThreshold }
    followed = follows ? present.map { handRule.region(landmarks: $0.landmarks, in: image) } : []
    return present
  }

  /// Forgets all hands.
  public mutating func reset() {
    followed = []
  }
}

/// The indices of the regions to keep, in order: of two that overlap by more than `threshold`,
/// taken as upright, the later.
public func distinct(
  _ regions: [Region], threshold: Double = HandTracking.sameHandIoU
) -> [Int] {
  var kept: [Int] = []
  for (index, region) in regions.enumerated() {
    kept.removeAll { overlap(region, regions[$0]) > threshold }
    kept.append(index)
  }
  return kept
}

/// Intersection over union of two regions taken as upright, 0…1.
func overlap(_ a: Region, _ b: Region) -> Double {
  func shared(_ a: Float, _ aSize: Float, _ b: Float, _ bSize: Float) -> Double {
    let end = min(Double(a) + Double(aSize) / 2, Double(b) + Double(bSize) / 2)
    return end - max(Double(a) - Double(aSize) / 2, Double(b) - Double(bSize) / 2)
  }
  let wide = shared(a.xCenter, a.width, b.xCenter, b.width)
  let tall = shared(a.yCenter, a.height, b.yCenter, b.height)
  guard wide > 0, tall > 0 else { return 0 }
  let areas = Double(a.width) * Double(a.height) + Double(b.width) * Double(b.height)
  return wide * tall / (areas - wide * tall)
}
