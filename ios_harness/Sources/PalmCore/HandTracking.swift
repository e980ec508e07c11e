// From frame to frame: which regions to look at, and when to detect palms again.
//
// Palms are detected only while fewer hands are followed than wanted. Of two regions of one hand
// the followed one stays. Sources, under mediapipe/, v0.10.21:
// modules/hand_landmark/hand_landmark_tracking_cpu.pbtxt, calculators/util/association_calculator.h.

/// A region to look at in this frame, and the palm that it came from, if any.
public struct RegionOfInterest: Equatable, Sendable {
  /// Where to look.
  public var region: Region
  /// The palm it came from; nil for a hand that is followed.
  public var palm: PalmDetection?

  /// A region and where it came from.
  public init(region: Region, palm: PalmDetection?) {
    self.region = region
    self.palm = palm
  }
}

/// The memory between frames. For each frame: detect palms if ``needsPalms``, ask for
/// ``regions(palms:in:)``, run the landmark model on each, and hand the results to
/// ``follow(_:in:)``.
public struct HandTracking: Equatable, Sendable {
  /// Two regions that overlap by more than this (IoU) are of one hand.
  public static let sameHandIoU = 0.5

  /// How many hands are wanted.
  public var maximumHands: Int
  /// From a palm to a region.
  public var palmRule: RegionRule
  /// From landmarks to the region in the next frame.
  public var handRule: RegionRule
  /// The lowest presence of a hand, not included.
  public var presenceThreshold: Float
  /// Hands are followed from frame to frame; else each frame starts anew.
  public var follows: Bool
  /// The regions of the hands of the frame before, for this frame.
  public private(set) var followed: [Region] = []

  /// An empty memory.
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

  /// The regions to look at. `palms`, best first and normalised to the image, are those of this
  /// frame; they are left out of account while enough hands are followed.
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

  /// Keeps the hands that are present, and remembers where they will be in the next frame.
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

/// Which of the regions to keep: of two that overlap by more than `threshold`, as if upright, the
/// later. Returns indices in order.
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

/// Intersection over union of two regions as if upright, 0…1.
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
