// A model that computes nothing: it returns the outputs recorded for a picture.

import Foundation

/// https://developer.apple.com/documentation/coreml/mlcomputeunits
public enum MLComputeUnits: Int, Sendable {
  case cpuOnly = 0
  case cpuAndGPU = 1
  case all = 2
  case cpuAndNeuralEngine = 3
}

/// https://developer.apple.com/documentation/coreml/mlmodelconfiguration
public final class MLModelConfiguration {
  /// https://developer.apple.com/documentation/coreml/mlmodelconfiguration/computeunits
  public var computeUnits: MLComputeUnits = .all

  /// https://developer.apple.com/documentation/coreml/mlmodelconfiguration
  public init() {}
}

/// https://developer.apple.com/documentation/coreml/mlmodelmetadatakey
public struct MLModelMetadataKey: RawRepresentable, Hashable, Sendable {
  /// https://developer.apple.com/documentation/coreml/mlmodelmetadatakey
  public let rawValue: String

  /// https://developer.apple.com/documentation/coreml/mlmodelmetadatakey/init(rawvalue:)
  public init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// https://developer.apple.com/documentation/coreml/mlmodelmetadatakey/creatordefinedkey
  public static let creatorDefinedKey = MLModelMetadataKey(
    rawValue: "MLModelCreatorDefinedKey")
}

/// https://developer.apple.com/documentation/coreml/mlmodeldescription
public final class MLModelDescription {
  /// https://developer.apple.com/documentation/coreml/mlmodeldescription/inputdescriptionsbyname
  public let inputDescriptionsByName: [String: MLFeatureDescription]
  /// https://developer.apple.com/documentation/coreml/mlmodeldescription/outputdescriptionsbyname
  public let outputDescriptionsByName: [String: MLFeatureDescription]
  /// https://developer.apple.com/documentation/coreml/mlmodeldescription/metadata
  public let metadata: [MLModelMetadataKey: Any]

  init(
    inputs: [String: MLFeatureDescription], outputs: [String: MLFeatureDescription],
    metadata: [MLModelMetadataKey: Any]
  ) {
    inputDescriptionsByName = inputs
    outputDescriptionsByName = outputs
    self.metadata = metadata
  }
}

/// https://developer.apple.com/documentation/coreml/mlmodel
public final class MLModel {
  /// https://developer.apple.com/documentation/coreml/mlmodel/modeldescription
  public let modelDescription: MLModelDescription
  private let replay: Replay

  /// https://developer.apple.com/documentation/coreml/mlmodel/compilemodel(at:)-6442s
  ///
  /// The "compiled" folder stores the path of the package.
  public static func compileModel(at modelURL: URL) async throws -> URL {
    guard FileManager.default.fileExists(atPath: modelURL.path) else {
      throw ShimError("\(modelURL.path): no such package")
    }
    let name = modelURL.deletingPathExtension().lastPathComponent
    let target = FileManager.default.temporaryDirectory
      .appendingPathComponent(UUID().uuidString).appendingPathComponent("\(name).mlmodelc")
    try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
    try Data(modelURL.path.utf8).write(to: target.appendingPathComponent("package"))
    return target
  }

  /// https://developer.apple.com/documentation/coreml/mlmodel/init(contentsof:configuration:)
  public init(contentsOf url: URL, configuration: MLModelConfiguration) throws {
    guard let data = try? Data(contentsOf: url.appendingPathComponent("package")) else {
      throw ShimError("\(url.path): not a compiled model")
    }
    let package = URL(fileURLWithPath: String(decoding: data, as: UTF8.self))
    replay = try Replay(package: package)
    modelDescription = replay.description
  }

  /// https://developer.apple.com/documentation/coreml/mlmodel/prediction(from:)
  public func prediction(from input: any MLFeatureProvider) throws -> any MLFeatureProvider {
    guard let image = input.featureValue(for: "image")?.imageBufferValue else {
      throw ShimError("the input has no image named `image`")
    }
    return try replay.answer(image)
  }

  /// https://developer.apple.com/documentation/coreml/mlmodel/predictions(frombatch:)
  public func predictions(fromBatch inputBatch: any MLBatchProvider) throws -> any MLBatchProvider {
    MLArrayBatchProvider(
      array: try (0..<inputBatch.count).map { try prediction(from: inputBatch.features(at: $0)) })
  }

  /// https://developer.apple.com/documentation/coreml/mlmodel/availablecomputedevices-6klyt
  public static var availableComputeDevices: [MLComputeDevice] {
    [.cpu(MLCPUComputeDevice())]
  }
}
