// `manifest.json` of a fixtures folder; FIXTURES.md explains each field.

/// The contents of a fixtures folder.
public struct FixtureManifest: Codable, Equatable, Sendable {
  /// The only format that is accepted.
  public static let format = "blazepalm-ios-fixtures/1"

  /// Always ``format``.
  public var format: String
  /// The commit that exported the folder, if known.
  public var commit: String?
  /// The SHA-256 of every file in the folder except the manifest, by path.
  public var files: [String: String]
  /// The models.
  public var models: [FixtureModel]
  /// The two models that find hands together; nil if there is no such pair.
  public var pipeline: FixturePipeline?
  /// Pictures with the expected result of each stage.
  public var cases: [FixtureCase]
  /// Inputs of single models with their recorded outputs.
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

/// The kind of network.
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
  /// Facts of a palm detector; nil for a landmark model.
  public var palm: FixturePalmFacts?
  /// Facts of a landmark model; nil for a palm detector.
  public var hand: FixtureHandFacts?

  /// The input's size.
  public var input: ImageSize { ImageSize(width: width, height: height) }
}

/// Facts that a palm detector's file does not contain.
public struct FixturePalmFacts: Codable, Equatable, Sendable {
  /// The number of anchors.
  public var anchors: Int
  /// The number of keypoints per palm.
  public var keypoints: Int
  /// The lowest score of a palm.
  public var scoreThreshold: Float
  /// Boxes that overlap by more (IoU) count as one palm.
  public var suppressionIoU: Float

  enum CodingKeys: String, CodingKey {
    case anchors, keypoints
    case scoreThreshold = "score_threshold"
    case suppressionIoU = "suppression_iou"
  }
}

/// Facts that a landmark model's file does not contain.
public struct FixtureHandFacts: Codable, Equatable, Sendable {
  /// A hand's presence must be above this.
  public var presenceThreshold: Float

  enum CodingKeys: String, CodingKey {
    case presenceThreshold = "presence_threshold"
  }
}

/// The two models that find hands together.
public struct FixturePipeline: Codable, Equatable, Sendable {
  /// The palm detector's name.
  public var palm: String
  /// The landmark model's name.
  public var hand: String
  /// The number of hands to look for.
  public var maximumHands: Int

  enum CodingKeys: String, CodingKey {
    case palm, hand
    case maximumHands = "maximum_hands"
  }
}

/// A picture and the expected result of each stage, all normalised to the picture.
public struct FixtureCase: Codable, Equatable, Sendable {
  /// The case's name.
  public var name: String
  /// The picture.
  public var image: FixtureImage
  /// (n, 4 + 2K + 1): corner and size of the box, keypoints, score of each palm, best first.
  public var palms: FixtureTensor?
  /// (r, 5): x_center, y_center, width, height, rotation of each region passed to the landmark
  /// model.
  public var regions: FixtureTensor?
  /// (h, 21, 3): landmarks of each hand that is present.
  public var landmarks: FixtureTensor?
  /// (h): presence of each of these hands.
  public var presence: FixtureTensor?
  /// (h): handedness of each of these hands.
  public var handedness: FixtureTensor?
  /// (h, 21, 3): world landmarks of each of these hands.
  public var world: FixtureTensor?
}

/// An input of one model and its recorded outputs.
public struct FixtureRecord: Codable, Equatable, Sendable {
  /// The model's name.
  public var model: String
  /// The record's name; unique within its model.
  public var name: String
  /// The name of its picture's case.
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
  /// (N, 4 + 2K): raw boxes and keypoints.
  public var raw: FixtureTensor
  /// (N): scores before the sigmoid.
  public var logits: FixtureTensor
  /// (n, 4 + 2K + 1): corner and size of the box, keypoints, score of each palm, best first.
  public var palms: FixtureTensor
}

/// A sequence of frames: the models' outputs for each, and the expected tracking.
public struct FixtureSequence: Codable, Equatable, Sendable {
  /// A name for messages.
  public var name: String
  /// Width of the frames in pixels.
  public var width: Int
  /// Height of the frames in pixels.
  public var height: Int
  /// The number of frames.
  public var frames: Int
  /// The number of hands to look for.
  public var maximumHands: Int
  /// (n, 1 + 4 + 2K + 1): frame, then corner and size of the box, keypoints, score, of each palm
  /// in the frames where palms were detected.
  public var palms: FixtureTensor
  /// (m, 63 + 1): landmarks normalised to the crop, presence: the landmark model's outputs.
  public var outputs: FixtureTensor
  /// (r, 3 + 5): frame, index of the region in it, row of `outputs`, and the region.
  public var regions: FixtureTensor
  /// (h, 2 + 63): frame, index, and the landmarks of each hand that is present, for some frames.
  public var hands: FixtureTensor

  enum CodingKeys: String, CodingKey {
    case name, width, height, frames, palms, outputs, regions, hands
    case maximumHands = "maximum_hands"
  }
}
