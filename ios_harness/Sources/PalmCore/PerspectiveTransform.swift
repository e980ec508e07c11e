// The map from a crop's pixels back to the image, digit for digit as OpenCV 4 computes it for
// MediaPipe: corners in float32, the linear system and its inverse in double.
//
// Sources: boxPoints, getPerspectiveTransform and invert of OpenCV 4 (modules/imgproc/src/
// imgwarp.cpp, modules/core/src/lapack.cpp), as called in
// mediapipe/calculators/tensor/image_to_tensor_converter_opencv.cc.

import Foundation

/// Nine numbers, row by row: (x, y, 1) of the crop → homogeneous x, y, w of the image, in pixels.
struct PerspectiveTransform {
  let m: [Double]

  /// From a crop of `target` pixels to `region` of the image.
  ///
  /// Throws ``PalmError/invalidRegion(_:)`` if the region is too thin to invert the map.
  init(region: PixelRegion, target: ImageSize) throws {
    let width = Float(target.width)
    let height = Float(target.height)
    let corners: [SIMD2<Float>] = [
      SIMD2(0, height), SIMD2(0, 0), SIMD2(width, 0), SIMD2(width, height),
    ]
    guard let forward = Self.solve(from: Self.corners(of: region), to: corners),
      let inverse = Self.inverted(forward)
    else {
      throw PalmError.invalidRegion(
        "a region of \(region.size.x) × \(region.size.y) pixels has no area; drop this hand and "
          + "detect palms again")
    }
    m = inverse
  }

  /// Lower left, upper left, upper right, lower right of the rotated rectangle.
  static func corners(of region: PixelRegion) -> [SIMD2<Float>] {
    let degrees = Float(Double(region.rotation * 180) / Double.pi)
    let angle = Double(degrees) * Double.pi / 180
    let b = Float(cos(angle)) * 0.5
    let a = Float(sin(angle)) * 0.5
    let center = region.center
    let size = region.size
    let p0 = SIMD2(
      center.x - a * size.y - b * size.x, center.y + b * size.y - a * size.x)
    let p1 = SIMD2(
      center.x + a * size.y - b * size.x, center.y - b * size.y - a * size.x)
    return [p0, p1, 2 * center - p0, 2 * center - p1]
  }

  /// The map from four points to four others; nil if there is none.
  private static func solve(from: [SIMD2<Float>], to: [SIMD2<Float>]) -> [Double]? {
    var a = [[Double]](repeating: Array(repeating: 0, count: 8), count: 8)
    var b = [Double](repeating: 0, count: 8)
    for i in 0..<4 {
      let (p, q) = (from[i], to[i])
      // OpenCV rounds the products to float32
      a[i] = [Double(p.x), Double(p.y), 1, 0, 0, 0, Double(-p.x * q.x), Double(-p.y * q.x)]
      a[i + 4] = [0, 0, 0, Double(p.x), Double(p.y), 1, Double(-p.x * q.y), Double(-p.y * q.y)]
      b[i] = Double(q.x)
      b[i + 4] = Double(q.y)
    }
    return eliminate(&a, &b) ? b + [1] : nil
  }

  /// Gaussian elimination with row pivots; the solution replaces `b`.
  private static func eliminate(_ a: inout [[Double]], _ b: inout [Double]) -> Bool {
    let count = b.count
    for i in 0..<count {
      var pivot = i
      for j in i + 1..<max(count, i + 1) where abs(a[j][i]) > abs(a[pivot][i]) {
        pivot = j
      }
      guard abs(a[pivot][i]) >= Double.ulpOfOne * 100 else { return false }
      if pivot != i {
        a.swapAt(pivot, i)
        b.swapAt(pivot, i)
      }
      let d = -1 / a[i][i]
      for j in i + 1..<max(count, i + 1) {
        let alpha = a[j][i] * d
        for k in i + 1..<max(count, i + 1) {
          a[j][k] += alpha * a[i][k]
        }
        b[j] += alpha * b[i]
      }
    }
    for i in stride(from: count - 1, through: 0, by: -1) {
      var sum = b[i]
      for k in i + 1..<max(count, i + 1) {
        sum -= a[i][k] * b[k]
      }
      b[i] = sum / a[i][i]
    }
    return true
  }

  private static func inverted(_ s: [Double]) -> [Double]? {
    let determinant =
      s[0] * (s[4] * s[8] - s[5] * s[7]) - s[1] * (s[3] * s[8] - s[5] * s[6])
      + s[2] * (s[3] * s[7] - s[4] * s[6])
    guard determinant != 0, determinant.isFinite else { return nil }
    let d = 1 / determinant
    return [
      (s[4] * s[8] - s[5] * s[7]) * d, (s[2] * s[7] - s[1] * s[8]) * d,
      (s[1] * s[5] - s[2] * s[4]) * d, (s[5] * s[6] - s[3] * s[8]) * d,
      (s[0] * s[8] - s[2] * s[6]) * d, (s[2] * s[3] - s[0] * s[5]) * d,
      (s[3] * s[7] - s[4] * s[6]) * d, (s[1] * s[6] - s[0] * s[7]) * d,
      (s[0] * s[4] - s[1] * s[3]) * d,
    ]
  }
}
