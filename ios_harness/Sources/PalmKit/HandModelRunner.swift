// The tracker's interface to a model, so that a runtime other than Core ML can implement it, such
// as Apple's new Core AI (`.aimodel`).

#if canImport(CoreML)
  import CoreML
  import Foundation
  import PalmCore

  #if canImport(CoreVideo)
    import CoreVideo
  #endif

  /// A loaded palm detector or landmark model.
  public protocol HandModelRunner: AnyObject {
    /// The facts that the model states.
    var info: HandModelInfo { get }

    /// The outputs for each picture, by name. Pictures are 32BGRA and of the model's size.
    func predict(_ pictures: [CVPixelBuffer]) throws -> [[String: OutputTensor]]
  }

  /// The facts that a model states in its description and metadata.
  public struct HandModelInfo: Equatable, Sendable {
    /// Palm detector or landmark model.
    public var kind: ModelKind
    /// The release's name; empty if the package does not name it.
    public var release: String
    /// The size of its input.
    public var input: ImageSize
    /// Outputs and their shapes.
    public var outputs: [String: [Int]]
    /// The lowest score of a palm.
    public var scoreThreshold: Float
    /// Boxes that overlap by more (IoU) count as one palm.
    public var suppressionIoU: Float
    /// A hand's presence must be above this.
    public var presenceThreshold: Float

    /// All facts of a model.
    public init(
      kind: ModelKind, release: String, input: ImageSize, outputs: [String: [Int]],
      scoreThreshold: Float = 0.5, suppressionIoU: Float = 0.3, presenceThreshold: Float = 0.5
    ) {
      self.kind = kind
      self.release = release
      self.input = input
      self.outputs = outputs
      self.scoreThreshold = scoreThreshold
      self.suppressionIoU = suppressionIoU
      self.presenceThreshold = presenceThreshold
    }

    /// Reads a Core ML description; `name` is for messages.
    ///
    /// Throws `PalmError.invalidModel` if it is not a hand model with face `app`.
    public init(_ description: MLModelDescription, name: String) throws {
      guard let image = description.inputDescriptionsByName["image"]?.imageConstraint else {
        throw PalmError.invalidModel(
          "\(name): has no image input named `image`; convert it with "
            + "`blazepalm convert --coreml-face app`")
      }
      let outputs = description.outputDescriptionsByName.mapValues {
        $0.multiArrayConstraint?.shape.map(\.intValue) ?? []
      }
      let kind: ModelKind
      if ["boxes", "keypoints", "scores"].allSatisfy({ outputs[$0] != nil }) {
        kind = .palm
      } else if ["landmarks", "presence"].allSatisfy({ outputs[$0] != nil }) {
        kind = .hand
      } else {
        throw PalmError.invalidModel(
          "\(name): has outputs \(outputs.keys.sorted()), expected boxes, keypoints and scores, or "
            + "landmarks and presence; convert it with `blazepalm convert --coreml-face app`")
      }
      let defined = description.metadata[.creatorDefinedKey] as? [String: String] ?? [:]
      let spec = Self.spec(defined["blazepalm.spec"])
      self.init(
        kind: kind, release: defined["blazepalm.release"] ?? "",
        input: ImageSize(width: image.pixelsWide, height: image.pixelsHigh), outputs: outputs,
        scoreThreshold: spec["score_threshold"] ?? 0.5,
        suppressionIoU: spec["suppression_iou"] ?? 0.3,
        presenceThreshold: spec["presence_threshold"] ?? 0.5)
    }

    /// The numbers in the specification that the converter stores in the package.
    private static func spec(_ text: String?) -> [String: Float] {
      guard let text,
        let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
      else { return [:] }
      return object.compactMapValues { ($0 as? NSNumber)?.floatValue }
    }

    /// The facts about a palm detector that post-processing needs.
    ///
    /// Throws `PalmError.invalidModel` if the outputs' shapes do not match.
    public func palmSpec() throws -> PalmSpec {
      guard kind == .palm, let boxes = outputs["boxes"], let keypoints = outputs["keypoints"],
        boxes.count == 2, boxes[1] == 4, keypoints.count == 3, keypoints[2] == 2,
        keypoints[0] == boxes[0], outputs["scores"] == [boxes[0]]
      else {
        throw PalmError.invalidModel(
          "\(release): outputs \(outputs) are not those of a palm detector; expected boxes (N, 4), "
            + "keypoints (N, K, 2), scores (N): convert it with "
            + "`blazepalm convert --coreml-face app`")
      }
      return PalmSpec(
        input: input, anchors: boxes[0], keypoints: keypoints[1], scoreThreshold: scoreThreshold,
        suppressionIoU: suppressionIoU)
    }
  }
#endif
