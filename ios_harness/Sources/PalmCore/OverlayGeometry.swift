// Maps points of the camera's picture to a preview that fills its view.
//
// The preview keeps the picture's aspect ratio and covers the whole view, cropping the
// overhang equally on both sides; a front camera's preview is mirrored.

/// From points normalised to a picture to points of a view.
public struct OverlayGeometry: Equatable, Sendable {
  /// Points of the view per pixel of the picture.
  public let scale: Double
  /// The position of the picture's top left corner in the view; never positive.
  public let origin: SIMD2<Double>
  private let picture: SIMD2<Double>
  private let view: SIMD2<Double>
  private let mirrored: Bool

  /// A picture of `picture` pixels over a view of `view` points.
  public init(picture: ImageSize, view: SIMD2<Double>, mirrored: Bool) {
    let size = SIMD2(Double(max(picture.width, 1)), Double(max(picture.height, 1)))
    scale = max(view.x / size.x, view.y / size.y)
    origin = (view - size * scale) / 2
    self.picture = size
    self.view = view
    self.mirrored = mirrored
  }

  /// The position in the view of a point normalised to the picture.
  public func point(_ normalised: SIMD2<Float>) -> SIMD2<Double> {
    let fitted = SIMD2(Double(normalised.x), Double(normalised.y)) * picture * scale + origin
    return mirrored ? SIMD2(view.x - fitted.x, fitted.y) : fitted
  }

  /// The position of a landmark in the view.
  public func point(_ landmark: SIMD3<Float>) -> SIMD2<Double> {
    point(SIMD2(landmark.x, landmark.y))
  }

  /// The corner nearest to the view's origin, and the size, of a box normalised to the picture.
  public func box(
    minimum: SIMD2<Float>, maximum: SIMD2<Float>
  ) -> (origin: SIMD2<Double>, size: SIMD2<Double>) {
    let a = point(minimum)
    let b = point(maximum)
    let low = SIMD2(min(a.x, b.x), min(a.y, b.y))
    return (low, SIMD2(max(a.x, b.x), max(a.y, b.y)) - low)
  }
}

/// The nearness of each landmark, from 0 (farthest in its hand) to 1 (nearest), for its colour.
public func nearness(_ landmarks: [SIMD3<Float>]) -> [Double] {
  let depths = landmarks.map { Double($0.z) }
  guard let nearest = depths.min(), let farthest = depths.max(), farthest > nearest else {
    return landmarks.map { _ in 0.5 }
  }
  return depths.map { (farthest - $0) / (farthest - nearest) }
}
