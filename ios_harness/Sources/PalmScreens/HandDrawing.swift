// The drawing of one hand over the camera's preview, in points of the view, and its VoiceOver text.

import Foundation
import PalmCore

/// A hand as dots, lines, boxes and a caption.
public struct HandDrawing: Equatable, Sendable {
  /// A landmark.
  public struct Dot: Equatable, Sendable {
    /// Its position in the view.
    public var position: SIMD2<Double>
    /// From 0 (farthest in its hand) to 1 (nearest).
    public var nearness: Double
  }

  /// A line of the skeleton.
  public struct Bone: Equatable, Sendable {
    /// Its start in the view.
    public var from: SIMD2<Double>
    /// Its end.
    public var to: SIMD2<Double>
  }

  /// The landmarks, 21 of them.
  public let dots: [Dot]
  /// The skeleton.
  public let bones: [Bone]
  /// The four corners of the hand's rotated region.
  public let region: [SIMD2<Double>]
  /// The four corners of the palm's box; empty if the hand was tracked, not detected.
  public let palm: [SIMD2<Double>]
  /// The hand and its confidence, such as `left 97 %`.
  public let caption: String
  /// The middle of the caption: above the topmost corner of the region.
  public let captionPosition: SIMD2<Double>

  /// `hand`, found in a picture of `picture` pixels, over a view of `view` points.
  public init(_ hand: Hand, picture: ImageSize, view: SIMD2<Double>, mirrored: Bool) {
    let geometry = OverlayGeometry(picture: picture, view: view, mirrored: mirrored)
    let points = hand.landmarks.map(geometry.point)
    dots = zip(points, nearness(hand.landmarks)).map { Dot(position: $0, nearness: $1) }
    bones = Hand.bones.filter { max($0.0, $0.1) < points.count }.map {
      Bone(from: points[$0.0], to: points[$0.1])
    }
    region = hand.region.corners(in: picture).map(geometry.point)
    palm =
      hand.palm.map { palm in
        let (low, high) = (palm.minimum, palm.maximum)
        return [low, SIMD2(high.x, low.y), high, SIMD2(low.x, high.y)].map(geometry.point)
      } ?? []
    caption = ([hand.handedness?.rawValue, percent(hand.confidence)] as [String?])
      .compactMap { $0 }.joined(separator: " ")
    let top = region.min { $0.y < $1.y } ?? view / 2
    captionPosition = SIMD2(
      min(max(top.x, 40), max(40, view.x - 40)), min(max(top.y - 12, 12), max(12, view.y - 12)))
  }
}

/// The red, green and blue, 0…1, of a landmark: from blue (farthest) over violet to yellow
/// (nearest). Lightness rises with nearness, so the order shows without colour too.
public func depthColor(_ nearness: Double) -> SIMD3<Double> {
  let stops = [SIMD3(0.15, 0.25, 0.75), SIMD3(0.85, 0.35, 0.60), SIMD3(1.0, 0.90, 0.25)]
  let position = min(max(nearness.isFinite ? nearness : 0.5, 0), 1) * Double(stops.count - 1)
  let below = min(Int(position), stops.count - 2)
  return stops[below] + (stops[below + 1] - stops[below]) * (position - Double(below))
}

/// The hands in words, for VoiceOver.
public func spoken(_ hands: [Hand]) -> String {
  guard !hands.isEmpty else { return "No hand" }
  let each = hands.map { hand in
    let side = hand.handedness.map { "\($0.rawValue) hand" } ?? "hand"
    return "\(side), \(percent(hand.confidence))"
  }
  return each.joined(separator: "; ")
}

private func percent(_ share: Float) -> String {
  guard share.isFinite else { return "? %" }
  return "\(Int((100 * min(max(share, 0), 1)).rounded())) %"
}
