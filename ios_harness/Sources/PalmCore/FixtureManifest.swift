// `manifest.json` of a fixtures folder; FIXTURES.md says what each field means.

/// What a fixtures folder holds.
public struct FixtureManifest: Codable, Equatable, Sendable {
  /// The only format that is read.
  public static let format = "blazepalm-ios-fixtures/1"

  /// Always ``format``.
  public var format: String
  /// The commit that exported the folder, if known.
  public var commit: String?
  /// The SHA-256 of every file of the folder but the manifest, by path.
  public var files: [String: String]
  /// The models.
  public var models: [FixtureModel]
  /// Which two models find hands together; nil where there is no such pair.
  public var pipeline: FixturePipeline?
  /// Pictures with what is expected of each stage.
  public var cases: [FixtureCase]
  /// Inputs of single models with the outputs recorded for them.
  public var records: [FixtureRecord]
  /// Raw detector outputs and the palms in them.
  public var decoders: [FixtureDecoder]
  /// Tracking sequences.
  public var sequences: [FixtureSequence]
}

/// A file of little-endian float32 values and their shape.
public struct FixtureTensor: Codable, Equatable, Sendable {
  /// Path inside the folder.
  public var file: String
  /// Sizes of the axes, slowest first.
  public var shape: [Int]
}

/// A file of BGRA pixels, four bytes each, rows from the top without padding.
public struct FixtureImage: Codable, Equatable, Sendable {
  /// Path inside the folder.
  public var file: String
  /// Pixels in a row.
  public var width: Int
  /// Rows.
  public var height: Int

  /// Width and height.
  public var size: ImageSize { ImageSize(width: width, height: height) }
}

/// Which kind of network a model is.
public enum ModelKind: String, Codable, Sendable {
  /// Finds palms.
  case palm
  /// Finds landmarks in a crop.
  case hand
}

/// One output of a model.
public struct FixturePort: Codable, Equatable, Sendable {
  /// The output's name.
  public var name: String
  /// Sizes of the axes, slowest first.
  public var shape: [Int]
}

/// A Core ML package and the facts of its release.
public struct FixtureModel: Codable, Equatable, Sendable {
  /// The release's name; unique in the folder.
  public var name: String
  /// Palm detector or landmark model.
  public var kind: ModelKind
  /// Path of the `.mlpackage` inside the folder.
  public var package: String
  /// SHA-256 of the package: see FIXTURES.md.
  public var sha256: String
  /// `fp16` or `fp32`.
  public var precision: String
  /// Width of the input in pixels.
  public var width: Int
  /// Height of the input in pixels.
  public var height: Int
  /// Outputs by name.
  public var outputs: [FixturePort]
  /// Of a palm detector.
  public var palm: FixturePalmFacts?
  /// Of a landmark model.
  public var hand: FixtureHandFacts?

  /// The input's size.
  public var input: ImageSize { ImageSize(width: width, height: height) }
}

/// What a palm detector's file does not say.
public struct FixturePalmFacts: Codable, Equatable, Sendable {
  /// How many anchors.
  public var anchors: Int
  /// How many keypoints a palm has.
  public var keypoints: Int
  /// The lowest score of a palm.
  public var scoreThreshold: Float
  /// Boxes that overlap by more are one palm.
  public var suppressionIoU: Float

  enum CodingKeys: String, CodingKey {
    case anchors, keypoints
    case scoreThreshold = "score_threshold"
    case suppressionIoU = "suppression_iou"
  }
}

/// What a landmark model's file does not say.
public struct FixtureHandFacts: Codable, Equatable, Sendable {
  /// The lowest presence of a hand, not included.
  public var presenceThreshold: Float

  enum CodingKeys: String, CodingKey {
    case presenceThreshold = "presence_threshold"
  }
}

/// Which two models find hands together.
public struct FixturePipeline: Codable, Equatable, Sendable {
  /// The palm detector's name.
  public var palm: String
  /// The landmark model's name.
  public var hand: String
  /// How many hands are looked for.
  public var maximumHands: Int

  enum CodingKeys: String, CodingKey {
    case palm, hand
    case maximumHands = "maximum_hands"
  }
}

/// A picture and what is expected of each stage, all normalised to the picture.
public struct FixtureCase: Codable, Equatable, Sendable {
  /// The case's name.
  public var name: String
  /// The picture.
  public var image: FixtureImage
  /// (n, 4 + 2K + 1): corner and size of the box, keypoints, score of each palm, best first.
  public var palms: FixtureTensor?
  /// (r, 5): x_center, y_center, width, height, rotation of each region looked at.
  public var regions: FixtureTensor?
  /// (h, 21, 3): landmarks of each hand that is present.
  public var landmarks: FixtureTensor?
  /// (h): presence of each of them.
  public var presence: FixtureTensor?
  /// (h): handedness of each of them.
  public var handedness: FixtureTensor?
  /// (h, 21, 3): world landmarks of each of them.
  public var world: FixtureTensor?
}

/// An input of one model and the outputs recorded for it.
public struct FixtureRecord: Codable, Equatable, Sendable {
  /// The model's name.
  public var model: String
  /// The record's name; unique for its model.
  public var name: String
  /// The picture that it belongs to.
  public var image: String
  /// The model's input.
  public var input: FixtureImage
  /// Outputs by name.
  public var outputs: [String: FixtureTensor]
}

/// Raw outputs of a detector and the palms in them, normalised to its input.
public struct FixtureDecoder: Codable, Equatable, Sendable {
  /// A name for messages.
  public var name: String
  /// Width of the detector's input in pixels.
  public var width: Int
  /// Height of the detector's input in pixels.
  public var height: Int
  /// Rows, columns and anchors per cell of each map.
  public var maps: [[Int]]
  /// Keypoints and thresholds.
  public var facts: FixturePalmFacts
  /// (N, 4 + 2K).
  public var raw: FixtureTensor
  /// (N).
  public var logits: FixtureTensor
  /// (n, 4 + 2K + 1): corner and size of the box, keypoints, score of each palm, best first.
  public var palms: FixtureTensor
}

/// A sequence of frames: what the models said of each, and what follows.
public struct FixtureSequence: Codable, Equatable, Sendable {
  /// A name for messages.
  public var name: String
  /// Width of the frames in pixels.
  public var width: Int
  /// Height of the frames in pixels.
  public var height: Int
  /// How many frames.
  public var frames: Int
  /// How many hands are looked for.
  public var maximumHands: Int
  /// (n, 1 + 4 + 2K + 1): frame, then corner and size of the box, keypoints, score, of each palm
  /// in the frames where palms were detected.
  public var palms: FixtureTensor
  /// (m, 63 + 1): landmarks normalised to the crop, presence: what the landmark model said.
  public var outputs: FixtureTensor
  /// (r, 3 + 5): frame, index of the region in it, row of `outputs`, and the region looked at.
  public var regions: FixtureTensor
  /// (h, 2 + 63): frame, index, and the landmarks of each hand that is present, for some frames.
  public var hands: FixtureTensor

  enum CodingKeys: String, CodingKey {
    case name, width, height, frames, palms, outputs, regions, hands
    case maximumHands = "maximum_hands"
  }
}
