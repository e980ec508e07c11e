// A Core ML model behind `HandModelRunner`: outputs by name, several pictures in one batch.

#if canImport(CoreML)
  import CoreML
  import Foundation
  import PalmCore

  #if canImport(CoreVideo)
    import CoreVideo
  #endif

  extension Units {
    /// The equivalent value for Core ML.
    public var coreML: MLComputeUnits {
      switch self {
      case .cpuOnly: .cpuOnly
      case .cpuAndGPU: .cpuAndGPU
      case .cpuAndNeuralEngine: .cpuAndNeuralEngine
      case .all: .all
      }
    }
  }

  /// A loaded Core ML model. Use it from one thread at a time.
  public final class CoreMLRunner: HandModelRunner {
    /// The facts that the model states.
    public let info: HandModelInfo
    private let model: MLModel
    private let name: String

    /// Loads a compiled model (`.mlmodelc`) for `units`.
    ///
    /// Throws `PalmError.invalidModel` if it cannot be loaded, or is not a hand
    /// model with face `app`.
    public init(compiled url: URL, units: Units) throws {
      name = url.deletingPathExtension().lastPathComponent
      let configuration = MLModelConfiguration()
      configuration.computeUnits = units.coreML
      do {
        model = try MLModel(contentsOf: url, configuration: configuration)
      } catch {
        throw PalmError.invalidModel(
          "\(name): cannot be loaded for \(units.rawValue): \(describe(error)); compile it again on "
            + "this device, or choose other units")
      }
      info = try HandModelInfo(model.modelDescription, name: name)
    }

    /// The outputs for each picture; several pictures go to Core ML as one batch.
    ///
    /// Throws `PalmError` if a picture's size differs from the model's input, the
    /// prediction fails, or an output does not match its declaration.
    public func predict(_ pictures: [CVPixelBuffer]) throws -> [[String: OutputTensor]] {
      for picture in pictures where pixelSize(of: picture) != info.input {
        let size = pixelSize(of: picture)
        throw PalmError.invalidImage(
          "\(name): expected a picture of \(info.input.width) × \(info.input.height) pixels, got "
            + "\(size.width) × \(size.height)")
      }
      let inputs = try pictures.map {
        try MLDictionaryFeatureProvider(dictionary: ["image": MLFeatureValue(pixelBuffer: $0)])
      }
      return try run(inputs).map(tensors)
    }

    private func run(_ inputs: [MLDictionaryFeatureProvider]) throws -> [any MLFeatureProvider] {
      do {
        if inputs.count == 1 {
          return [try model.prediction(from: inputs[0])]
        }
        guard !inputs.isEmpty else { return [] }
        let batch = try model.predictions(fromBatch: MLArrayBatchProvider(array: inputs))
        return (0..<batch.count).map(batch.features(at:))
      } catch {
        throw PalmError.invalidModel("\(name): prediction failed: \(describe(error))")
      }
    }

    private func tensors(_ outputs: any MLFeatureProvider) throws -> [String: OutputTensor] {
      var found: [String: OutputTensor] = [:]
      for (output, description) in model.modelDescription.outputDescriptionsByName {
        guard let array = outputs.featureValue(for: output)?.multiArrayValue else {
          throw PalmError.invalidTensor(
            "\(name): gave no output \(output); is the package complete? convert it again")
        }
        found[output] = try OutputTensor(
          array, name: output, declared: description.multiArrayConstraint)
      }
      return found
    }
  }

  /// An error in one sentence.
  func describe(_ error: Error) -> String {
    (error as? PalmError)?.description ?? error.localizedDescription
  }
#endif
