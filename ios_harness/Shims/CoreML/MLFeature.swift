// Feature values, providers and descriptions.

import Foundation

/// https://developer.apple.com/documentation/coreml/mlfeaturetype
public enum MLFeatureType: Int, Sendable {
  case invalid = 0
  case int64 = 1
  case double = 2
  case string = 3
  case image = 4
  case multiArray = 5
}

/// https://developer.apple.com/documentation/coreml/mlfeaturevalue
public final class MLFeatureValue {
  /// https://developer.apple.com/documentation/coreml/mlfeaturevalue/multiarrayvalue
  public let multiArrayValue: MLMultiArray?
  /// https://developer.apple.com/documentation/coreml/mlfeaturevalue/imagebuffervalue
  public let imageBufferValue: CVPixelBuffer?

  /// https://developer.apple.com/documentation/coreml/mlfeaturevalue/init(pixelbuffer:)
  public init(pixelBuffer: CVPixelBuffer) {
    imageBufferValue = pixelBuffer
    multiArrayValue = nil
  }

  /// https://developer.apple.com/documentation/coreml/mlfeaturevalue/init(multiarray:)
  public init(multiArray: MLMultiArray) {
    multiArrayValue = multiArray
    imageBufferValue = nil
  }
}

/// https://developer.apple.com/documentation/coreml/mlfeatureprovider
public protocol MLFeatureProvider {
  /// https://developer.apple.com/documentation/coreml/mlfeatureprovider/featurenames
  var featureNames: Set<String> { get }
  /// https://developer.apple.com/documentation/coreml/mlfeatureprovider/featurevalue(for:)
  func featureValue(for featureName: String) -> MLFeatureValue?
}

/// https://developer.apple.com/documentation/coreml/mldictionaryfeatureprovider
public final class MLDictionaryFeatureProvider: MLFeatureProvider {
  private let values: [String: MLFeatureValue]

  /// https://developer.apple.com/documentation/coreml/mldictionaryfeatureprovider/init(dictionary:)
  public init(dictionary: [String: Any]) throws {
    values = try dictionary.mapValues { value in
      guard let value = value as? MLFeatureValue else {
        throw ShimError("a feature must be an MLFeatureValue")
      }
      return value
    }
  }

  /// https://developer.apple.com/documentation/coreml/mlfeatureprovider/featurenames
  public var featureNames: Set<String> { Set(values.keys) }

  /// https://developer.apple.com/documentation/coreml/mlfeatureprovider/featurevalue(for:)
  public func featureValue(for featureName: String) -> MLFeatureValue? {
    values[featureName]
  }
}

/// https://developer.apple.com/documentation/coreml/mlbatchprovider
public protocol MLBatchProvider {
  /// https://developer.apple.com/documentation/coreml/mlbatchprovider/count
  var count: Int { get }
  /// https://developer.apple.com/documentation/coreml/mlbatchprovider/features(at:)
  func features(at index: Int) -> any MLFeatureProvider
}

/// https://developer.apple.com/documentation/coreml/mlarraybatchprovider
public final class MLArrayBatchProvider: MLBatchProvider {
  /// https://developer.apple.com/documentation/coreml/mlarraybatchprovider/array
  public let array: [any MLFeatureProvider]

  /// https://developer.apple.com/documentation/coreml/mlarraybatchprovider/init(array:)
  public init(array: [any MLFeatureProvider]) {
    self.array = array
  }

  /// https://developer.apple.com/documentation/coreml/mlbatchprovider/count
  public var count: Int { array.count }

  /// https://developer.apple.com/documentation/coreml/mlbatchprovider/features(at:)
  public func features(at index: Int) -> any MLFeatureProvider {
    array[index]
  }
}

/// https://developer.apple.com/documentation/coreml/mlmultiarrayconstraint
public final class MLMultiArrayConstraint {
  /// https://developer.apple.com/documentation/coreml/mlmultiarrayconstraint/shape
  public let shape: [NSNumber]
  /// https://developer.apple.com/documentation/coreml/mlmultiarrayconstraint/datatype
  public let dataType: MLMultiArrayDataType

  init(shape: [Int], dataType: MLMultiArrayDataType) {
    self.shape = shape.map { NSNumber(value: $0) }
    self.dataType = dataType
  }
}

/// https://developer.apple.com/documentation/coreml/mlimageconstraint
public final class MLImageConstraint {
  /// https://developer.apple.com/documentation/coreml/mlimageconstraint/pixelswide
  public let pixelsWide: Int
  /// https://developer.apple.com/documentation/coreml/mlimageconstraint/pixelshigh
  public let pixelsHigh: Int

  init(pixelsWide: Int, pixelsHigh: Int) {
    self.pixelsWide = pixelsWide
    self.pixelsHigh = pixelsHigh
  }
}

/// https://developer.apple.com/documentation/coreml/mlfeaturedescription
public final class MLFeatureDescription {
  /// https://developer.apple.com/documentation/coreml/mlfeaturedescription/name
  public let name: String
  /// https://developer.apple.com/documentation/coreml/mlfeaturedescription/type
  public let type: MLFeatureType
  /// https://developer.apple.com/documentation/coreml/mlfeaturedescription/multiarrayconstraint
  public let multiArrayConstraint: MLMultiArrayConstraint?
  /// https://developer.apple.com/documentation/coreml/mlfeaturedescription/imageconstraint
  public let imageConstraint: MLImageConstraint?

  init(name: String, multiArray: MLMultiArrayConstraint) {
    self.name = name
    type = .multiArray
    multiArrayConstraint = multiArray
    imageConstraint = nil
  }

  init(name: String, image: MLImageConstraint) {
    self.name = name
    type = .image
    multiArrayConstraint = nil
    imageConstraint = image
  }
}

/// An error of the shim.
struct ShimError: LocalizedError {
  let errorDescription: String?

  init(_ description: String) {
    errorDescription = description
  }
}
