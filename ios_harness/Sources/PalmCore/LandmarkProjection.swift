// Maps a crop's landmarks back to the image.
//
// Sources, under mediapipe/calculators/util/, v0.10.21: landmark_letterbox_removal_calculator.cc,
// landmark_projection_calculator.cc, world_landmark_projection_calculator.cc.

/// The landmark model's outputs for one region.
public struct LandmarkOutput: Equatable, Sendable {
  /// 21 points: x and y 0…1 of the crop, z in crop widths.
  public var landmarks: [SIMD3<Float>]
  /// The model's confidence that there is a hand, 0…1.
  public var presence: Float
  /// From 0 for a left hand to 1 for a right hand, or nil.
  public var handedness: Float?
  /// 21 points in metres, upright in the crop, or nil.
  public var worldLandmarks: [SIMD3<Float>]?

  /// The model's outputs for one crop.
  public init(
    landmarks: [SIMD3<Float>], presence: Float, handedness: Float? = nil,
    worldLandmarks: [SIMD3<Float>]? = nil
  ) {
    self.landmarks = landmarks
    self.presence = presence
    self.handedness = handedness
    self.worldLandmarks = worldLandmarks
  }
}

extension Region {
  /// Landmarks normalised to this region → to the image; z from region widths to image widths.
  /// The region must be square in pixels; every rule makes it so.
  public func project(_ landmarks: [SIMD3<Float>]) -> [SIMD3<Float>] {
    let (sine, cosine) = sineAndCosine(rotation)
    return landmarks.map { landmark in
      let x = landmark.x - 0.5
      let y = landmark.y - 0.5
      return SIMD3(
        (cosine * x - sine * y) * width + xCenter, (sine * x + cosine * y) * height + yCenter,
        landmark.z * width)
    }
  }

  /// Metres, upright in the region → upright in the image.
  public func projectWorld(_ landmarks: [SIMD3<Float>]) -> [SIMD3<Float>] {
    let (sine, cosine) = sineAndCosine(rotation)
    return landmarks.map { landmark in
      SIMD3(
        cosine * landmark.x - sine * landmark.y, sine * landmark.x + cosine * landmark.y,
        landmark.z)
    }
  }

  /// The hand that the model found in this region of the image.
  public func hand(
    _ output: LandmarkOutput, letterbox: Letterbox, palm: PalmDetection? = nil
  ) -> Hand {
    Hand(
      landmarks: project(output.landmarks.map { letterbox.toImage($0) }),
      confidence: output.presence, handednessScore: output.handedness,
      worldLandmarks: output.worldLandmarks.map(projectWorld), region: self, palm: palm)
  }
}
