// Maps a rectangle of any aspect ratio to a network's square input, and points back.
//
// The rectangle grows about its centre until it has the square's aspect ratio; the added area is
// the padding. Source: `PadRoi` in mediapipe/calculators/tensor/image_to_tensor_utils.cc.

/// The position of a picture in a network's square input.
public struct Letterbox: Equatable, Sendable {
  /// The margin on the left, and the same on the right, as a fraction of the square's width.
  public var left: Float
  /// The margin at the top, and the same at the bottom, as a fraction of the square's height.
  public var top: Float

  /// Margins as fractions of the square's sides.
  public init(left: Float, top: Float) {
    self.left = left
    self.top = top
  }

  /// A point of the square → of the picture, both normalised.
  public func toImage(_ point: SIMD2<Float>) -> SIMD2<Float> {
    (point - SIMD2(left, top)) / extent
  }

  /// A size in the square → in the picture, both normalised.
  public func sizeToImage(_ size: SIMD2<Float>) -> SIMD2<Float> {
    size / extent
  }

  /// A landmark of the square → of the picture. Depth is scaled like x.
  public func toImage(_ landmark: SIMD3<Float>) -> SIMD3<Float> {
    let extent = self.extent
    return SIMD3(
      (landmark.x - left) / extent.x, (landmark.y - top) / extent.y, landmark.z / extent.x)
  }

  private var extent: SIMD2<Float> {
    SIMD2(1 - (left + left), 1 - (top + top))
  }
}

/// A rotated rectangle in pixels of the image; MediaPipe's `RotatedRect`.
public struct PixelRegion: Equatable, Sendable {
  /// The centre, in pixels.
  public var center: SIMD2<Float>
  /// Width and height before rotation, in pixels.
  public var size: SIMD2<Float>
  /// Radians clockwise.
  public var rotation: Float

  /// A rectangle of `size` pixels about `center`.
  public init(center: SIMD2<Float>, size: SIMD2<Float>, rotation: Float) {
    self.center = center
    self.size = size
    self.rotation = rotation
  }

  /// The whole image.
  public init(image: ImageSize) {
    let size = SIMD2(Float(image.width), Float(image.height))
    self.init(center: size * 0.5, size: size, rotation: 0)
  }

  /// `region` of an image, in its pixels.
  public init(_ region: Region, in image: ImageSize) {
    let size = SIMD2(Float(image.width), Float(image.height))
    self.init(
      center: SIMD2(region.xCenter, region.yCenter) * size,
      size: SIMD2(region.width, region.height) * size, rotation: region.rotation)
  }

  /// The rectangle grown to the aspect ratio of `target`, and the old one's position in it.
  ///
  /// Throws ``PalmError/invalidRegion(_:)`` if the rectangle is empty or not finite.
  public func padded(to target: ImageSize) throws -> (region: PixelRegion, letterbox: Letterbox) {
    let finite =
      center.x.isFinite && center.y.isFinite && size.x.isFinite && size.y.isFinite
      && rotation.isFinite
    guard finite, size.x > 0, size.y > 0, target.width > 0, target.height > 0 else {
      throw PalmError.invalidRegion(
        "a region of \(size.x) × \(size.y) pixels about (\(center.x), \(center.y)) cannot be "
          + "cropped; drop this hand and detect palms again")
    }
    let wanted = Float(target.height) / Float(target.width)
    let given = size.y / size.x
    var grown = self
    var box = Letterbox(left: 0, top: 0)
    if wanted > given {
      grown.size.y = size.x * wanted
      box.top = (1 - given / wanted) / 2
    } else {
      grown.size.x = size.y / wanted
      box.left = (1 - wanted / given) / 2
    }
    return (grown, box)
  }
}
