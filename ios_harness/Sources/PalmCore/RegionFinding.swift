// Where to look for a hand: from its palm, or from its landmarks in the previous frame.
//
// float32 in MediaPipe's order of operations. Sources, under mediapipe/, v0.10.21:
// calculators/util/detections_to_rects_calculator.cc, rect_transformation_calculator.cc and
// modules/hand_landmark/calculators/hand_landmarks_to_rect_calculator.cc.

extension RegionRule {
  /// The region of the hand that `palm` belongs to.
  public func region(palm: PalmDetection, in image: ImageSize) -> Region {
    let center = palm.minimum + palm.size / 2
    let rotation = rotation(of: palm.keypoints, in: image)
    return transformed(center: center, size: palm.size, rotation: rotation, in: image)
  }

  /// The region of the same hand in the next frame; `landmarks` are normalised to the image.
  public func region(landmarks: [SIMD3<Float>], in image: ImageSize) -> Region {
    let points = landmarks.map { SIMD2($0.x, $0.y) }
    let boxed = box.isEmpty ? points : box.map { points[$0] }
    let rotation = rotation(of: points, in: image)
    let (low, high) = bounds(boxed)
    guard turned else {
      let extent = high - low
      return transformed(center: low + extent / 2, size: extent, rotation: rotation, in: image)
    }
    let size = SIMD2(Float(image.width), Float(image.height))
    let middle = (high + low) / 2
    let back = sineAndCosine(normalisedRadians(-rotation))
    let upright = boxed.map { point in
      let away = (point - middle) * size
      return SIMD2(
        away.x * back.cosine - away.y * back.sine, away.x * back.sine + away.y * back.cosine)
    }
    let (uprightLow, uprightHigh) = bounds(upright)
    let offset = (uprightHigh + uprightLow) / 2
    let (sine, cosine) = sineAndCosine(rotation)
    let moved = SIMD2(
      offset.x * cosine - offset.y * sine, offset.x * sine + offset.y * cosine)
    let center = moved + size * middle
    return transformed(
      center: center / size, size: (uprightHigh - uprightLow) / size, rotation: rotation, in: image)
  }

  /// The rotation that makes a region's hand upright, in radians.
  func rotation(of points: [SIMD2<Float>], in image: ImageSize) -> Float {
    var aim = SIMD2<Float>(0, 0)
    // lighter points first: MediaPipe averages the outer two, then that mean and the middle
    for weight in [Float](Set(towards.map(\.weight))).sorted() {
      for entry in towards where entry.weight == weight {
        aim += points[entry.point] * weight
      }
    }
    let size = SIMD2(Float(image.width), Float(image.height))
    let away = aim * size - points[start] * size
    return normalisedRadians(radians(degrees: targetDegrees) - arcTangent(-away.y, away.x))
  }

  private func transformed(
    center: SIMD2<Float>, size: SIMD2<Float>, rotation: Float, in image: ImageSize
  ) -> Region {
    let pixels = SIMD2(Float(image.width), Float(image.height))
    let moved = pixels * size * shift
    let (sine, cosine) = sineAndCosine(rotation)
    let x = center.x + (moved.x * cosine - moved.y * sine) / pixels.x
    let y = center.y + (moved.x * sine + moved.y * cosine) / pixels.y
    let side = max(size.x * pixels.x, size.y * pixels.y)
    return Region(
      xCenter: x, yCenter: y, width: side / pixels.x * scale.x, height: side / pixels.y * scale.y,
      rotation: rotation)
  }
}

/// The smallest upright rectangle round the points. As in MediaPipe, its far corner is at least
/// the smallest normal float.
private func bounds(_ points: [SIMD2<Float>]) -> (low: SIMD2<Float>, high: SIMD2<Float>) {
  let tiny = Float.leastNormalMagnitude
  var low = SIMD2<Float>(repeating: .greatestFiniteMagnitude)
  var high = SIMD2<Float>(tiny, tiny)
  for point in points {
    low = SIMD2(min(low.x, point.x), min(low.y, point.y))
    high = SIMD2(max(high.x, point.x), max(high.y, point.y))
  }
  return (low, high)
}
