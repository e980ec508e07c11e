// What the tracker finds.

/// Left or right, of a hand in a picture that is not mirrored.
public enum Handedness: String, Sendable, Codable, CaseIterable {
  /// The person's left hand.
  case left
  /// The person's right hand.
  case right
}

/// One hand in a picture.
public struct Hand: Equatable, Sendable {
  /// How many landmarks a hand has.
  public static let landmarkCount = 21

  /// 21 points: x and y normalised to the image, z in image widths about the wrist, smaller is
  /// nearer.
  public var landmarks: [SIMD3<Float>]
  /// How sure the model is that there is a hand, 0…1.
  public var confidence: Float
  /// 0 for a left to 1 for a right hand; nil where the release does not say.
  public var handednessScore: Float?
  /// 21 points in metres about the hand's centre; nil where the release has none.
  public var worldLandmarks: [SIMD3<Float>]?
  /// Where the hand was looked for.
  public var region: Region
  /// The palm that led to it; nil where the hand was followed from the frame before.
  public var palm: PalmDetection?

  /// A hand with all its values.
  public init(
    landmarks: [SIMD3<Float>], confidence: Float, handednessScore: Float? = nil,
    worldLandmarks: [SIMD3<Float>]? = nil, region: Region, palm: PalmDetection? = nil
  ) {
    self.landmarks = landmarks
    self.confidence = confidence
    self.handednessScore = handednessScore
    self.worldLandmarks = worldLandmarks
    self.region = region
    self.palm = palm
  }

  /// Left or right; nil where the release does not say.
  public var handedness: Handedness? {
    handednessScore.map { $0 > 0.5 ? .right : .left }
  }

  /// Pairs of landmarks that a skeleton joins.
  public static let bones: [(Int, Int)] = [
    (0, 1), (1, 2), (2, 3), (3, 4), (0, 5), (5, 6), (6, 7), (7, 8), (5, 9), (9, 10), (10, 11),
    (11, 12), (9, 13), (13, 14), (14, 15), (15, 16), (13, 17), (0, 17), (17, 18), (18, 19),
    (19, 20),
  ]
}
