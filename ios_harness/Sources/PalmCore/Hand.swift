// The tracker's results.

/// Whether a hand is left or right, in a picture that is not mirrored.
public enum Handedness: String, Sendable, Codable, CaseIterable {
  /// The person's left hand.
  case left
  /// The person's right hand.
  case right
}

/// One hand in a picture.
public struct Hand: Equatable, Sendable {
  /// The number of landmarks per hand.
  public static let landmarkCount = 21

  /// 21 points: x and y normalised to the image, z in image widths relative to the wrist, smaller
  /// is nearer.
  public var landmarks: [SIMD3<Float>]
  /// The model's confidence that there is a hand, 0…1.
  public var confidence: Float
  /// From 0 for a left hand to 1 for a right hand; nil if the release has no such output.
  public var handednessScore: Float?
  /// 21 points in metres relative to the hand's centre; nil if the release has none.
  public var worldLandmarks: [SIMD3<Float>]?
  /// The region given to the landmark model.
  public var region: Region
  /// The palm it was found from; nil if the hand was tracked from the previous frame.
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

  /// Left or right; nil if the release has no such output.
  public var handedness: Handedness? {
    handednessScore.map { $0 > 0.5 ? .right : .left }
  }

  /// Pairs of landmarks connected by the skeleton.
  public static let bones: [(Int, Int)] = [
    (0, 1), (1, 2), (2, 3), (3, 4), (0, 5), (5, 6), (6, 7), (7, 8), (5, 9), (9, 10), (10, 11),
    (11, 12), (9, 13), (13, 14), (14, 15), (15, 16), (13, 17), (0, 17), (17, 18), (18, 19),
    (19, 20),
  ]
}
