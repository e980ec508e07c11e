// Decodes the detector's outputs, one row per anchor, into the palms of a picture.
//
// There are two kinds of outputs: those of the `app` package (corners, keypoints and scores,
// decoded inside the model), and raw ones (offsets to anchors in pixels of the input, and logits).
// Anchors below the score threshold are dropped before anything is decoded. Source:
// mediapipe/calculators/tensor/tensors_to_detections_calculator.cc, v0.10.21.

import Foundation

/// The facts about a detector that post-processing needs.
public struct PalmSpec: Equatable, Sendable {
  /// The size of the detector's input.
  public var input: ImageSize
  /// The number of anchors.
  public var anchors: Int
  /// The number of keypoints per palm.
  public var keypoints: Int
  /// The lowest score of a palm.
  public var scoreThreshold: Float
  /// Boxes that overlap by more than this (IoU) count as one palm.
  public var suppressionIoU: Float

  /// Stores the facts of one detector.
  public init(
    input: ImageSize, anchors: Int, keypoints: Int, scoreThreshold: Float, suppressionIoU: Float
  ) {
    self.input = input
    self.anchors = anchors
    self.keypoints = keypoints
    self.scoreThreshold = scoreThreshold
    self.suppressionIoU = suppressionIoU
  }
}

/// Turns a detector's outputs into palms. It reuses its working memory between frames, so it is a
/// class; use it from one thread at a time.
public final class PalmDecoder {
  /// Logits are clamped to ± this value, so that `exp` stays finite.
  public static let scoreClip: Float = 100

  /// The facts of its detector.
  public let spec: PalmSpec
  private let anchors: [SIMD2<Float>]
  private var candidates: PalmCandidates

  /// A decoder for outputs that the model has already decoded.
  public init(spec: PalmSpec) {
    self.spec = spec
    anchors = []
    candidates = PalmCandidates(capacity: spec.anchors, keypoints: spec.keypoints)
  }

  /// A decoder for raw outputs.
  ///
  /// Throws ``PalmError/invalidModel(_:)`` if the maps do not give the specification's number of
  /// anchors.
  public init(spec: PalmSpec, maps: [AnchorMap]) throws {
    let anchors = try anchorCenters(of: maps)
    guard anchors.count == spec.anchors else {
      throw PalmError.invalidModel(
        "the detector's maps give \(anchors.count) anchors, its specification says \(spec.anchors); "
          + "export the fixtures again")
    }
    self.spec = spec
    self.anchors = anchors
    candidates = PalmCandidates(capacity: spec.anchors, keypoints: spec.keypoints)
  }

  /// Palms from decoded outputs, best first, normalised to the detector's input.
  ///
  /// `boxes` is (N, 4) xmin, ymin, xmax, ymax, `keypoints` (N, K, 2), `scores` (N).
  /// Throws ``PalmError/invalidTensor(_:)`` if a tensor has another number of values.
  public func palms(boxes: [Float], keypoints: [Float], scores: [Float]) throws -> [PalmDetection] {
    try check("boxes", boxes.count, 4)
    try check("keypoints", keypoints.count, 2 * spec.keypoints)
    try check("scores", scores.count, 1)
    candidates.removeAll()
    scores.withUnsafeBufferPointer { scores in
      boxes.withUnsafeBufferPointer { boxes in
        keypoints.withUnsafeBufferPointer { keypoints in
          for index in 0..<spec.anchors where scores[index] >= spec.scoreThreshold {
            candidates.append(
              index: index, boxes: boxes, keypoints: keypoints, score: scores[index])
          }
        }
      }
    }
    return candidates.suppressed(above: spec.suppressionIoU)
  }

  /// Palms from raw outputs, best first, normalised to the detector's input.
  ///
  /// `raw` is (N, 4 + 2K): x, y, w, h of the box, then x, y of each keypoint, in pixels of the
  /// input and relative to the anchor's centre. `logits` is (N).
  /// Throws ``PalmError/invalidTensor(_:)`` if a tensor has another number of values, and
  /// ``PalmError/invalidModel(_:)`` if the decoder was made without anchors.
  public func palms(raw: [Float], logits: [Float]) throws -> [PalmDetection] {
    guard !anchors.isEmpty else {
      throw PalmError.invalidModel("raw outputs need anchors; create the decoder with maps")
    }
    let row = 4 + 2 * spec.keypoints
    try check("raw boxes", raw.count, row)
    try check("logits", logits.count, 1)
    candidates.removeAll()
    let size = SIMD2(Float(spec.input.width), Float(spec.input.height))
    raw.withUnsafeBufferPointer { raw in
      for index in 0..<spec.anchors {
        let clipped = min(max(logits[index], -Self.scoreClip), Self.scoreClip)
        let score = 1 / (1 + expf(-clipped))
        guard score >= spec.scoreThreshold else { continue }
        candidates.append(
          index: index, raw: raw, anchor: anchors[index], size: size, score: score)
      }
    }
    return candidates.suppressed(above: spec.suppressionIoU)
  }

  private func check(_ name: String, _ count: Int, _ row: Int) throws {
    guard count == spec.anchors * row else {
      throw PalmError.invalidTensor(
        "\(name) has \(count) values, expected \(spec.anchors) × \(row); is this the package of "
          + "the release that the specification describes?")
    }
  }
}
