// What PalmKit uses of Core ML, as Apple's documentation declares it. Nothing runs: PalmKit and the
// tests are only compiled against it, so that nothing but Apple's own API is used. Enumerations can
// grow, as Apple's can, because this module is built with library evolution.

import Foundation

@_exported import CoreVideo

/// https://developer.apple.com/documentation/coreml/mlcomputeunits
public enum MLComputeUnits: Int, Sendable {
  case cpuOnly = 0
  case cpuAndGPU = 1
  case all = 2
  case cpuAndNeuralEngine = 3
}

/// https://developer.apple.com/documentation/coreml/mlmodelconfiguration
open class MLModelConfiguration: NSObject {
  /// https://developer.apple.com/documentation/coreml/mlmodelconfiguration/computeunits
  open var computeUnits: MLComputeUnits = .all
  /// https://developer.apple.com/documentation/objectivec/nsobject-swift.class/init()
  public override init() {}
}

/// https://developer.apple.com/documentation/coreml/mlfeaturetype
public enum MLFeatureType: Int, Sendable {
  case invalid = 0
  case int64 = 1
  case double = 2
  case string = 3
  case image = 4
  case multiArray = 5
  case dictionary = 6
  case sequence = 7
  case state = 8
}

/// https://developer.apple.com/documentation/coreml/mlmultiarraydatatype
public enum MLMultiArrayDataType: Int, Sendable {
  case double = 65600
  case float32 = 65568
  case float16 = 65552
  case int32 = 131104
  case int8 = 131080
}

/// https://developer.apple.com/documentation/coreml/mlmultiarray
open class MLMultiArray: NSObject {
  /// https://developer.apple.com/documentation/coreml/mlmultiarray/shape
  open var shape: [NSNumber] { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlmultiarray/strides
  open var strides: [NSNumber] { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlmultiarray/datatype
  open var dataType: MLMultiArrayDataType { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlmultiarray/count
  open var count: Int { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlmultiarray/init(shape:datatype:)
  public init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlmultiarray/init(datapointer:shape:datatype:strides:deallocator:)
  public init(
    dataPointer: UnsafeMutableRawPointer, shape: [NSNumber], dataType: MLMultiArrayDataType,
    strides: [NSNumber], deallocator: ((UnsafeMutableRawPointer) -> Void)? = nil
  ) throws { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlmultiarray/withunsafebytes(_:)
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    fatalError()
  }
}

/// https://developer.apple.com/documentation/coreml/mlfeaturevalue
open class MLFeatureValue: NSObject {
  /// https://developer.apple.com/documentation/coreml/mlfeaturevalue/multiarrayvalue
  open var multiArrayValue: MLMultiArray? { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlfeaturevalue/imagebuffervalue
  open var imageBufferValue: CVPixelBuffer? { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlfeaturevalue/init(pixelbuffer:)
  public convenience init(pixelBuffer: CVPixelBuffer) { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlfeaturevalue/init(multiarray:)
  public convenience init(multiArray: MLMultiArray) { fatalError() }
}

/// https://developer.apple.com/documentation/coreml/mlfeatureprovider
public protocol MLFeatureProvider {
  /// https://developer.apple.com/documentation/coreml/mlfeatureprovider/featurenames
  var featureNames: Set<String> { get }
  /// https://developer.apple.com/documentation/coreml/mlfeatureprovider/featurevalue(for:)
  func featureValue(for featureName: String) -> MLFeatureValue?
}

/// https://developer.apple.com/documentation/coreml/mldictionaryfeatureprovider
open class MLDictionaryFeatureProvider: NSObject, MLFeatureProvider {
  /// https://developer.apple.com/documentation/coreml/mldictionaryfeatureprovider/init(dictionary:)
  public init(dictionary: [String: Any]) throws { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlfeatureprovider/featurenames
  open var featureNames: Set<String> { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlfeatureprovider/featurevalue(for:)
  open func featureValue(for featureName: String) -> MLFeatureValue? { fatalError() }
}

/// https://developer.apple.com/documentation/coreml/mlbatchprovider
public protocol MLBatchProvider {
  /// https://developer.apple.com/documentation/coreml/mlbatchprovider/count
  var count: Int { get }
  /// https://developer.apple.com/documentation/coreml/mlbatchprovider/features(at:)
  func features(at index: Int) -> any MLFeatureProvider
}

/// https://developer.apple.com/documentation/coreml/mlarraybatchprovider
open class MLArrayBatchProvider: NSObject, MLBatchProvider {
  /// https://developer.apple.com/documentation/coreml/mlarraybatchprovider/array
  open var array: [any MLFeatureProvider] { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlarraybatchprovider/init(array:)
  public init(array: [any MLFeatureProvider]) { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlbatchprovider/count
  open var count: Int { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlbatchprovider/features(at:)
  open func features(at index: Int) -> any MLFeatureProvider { fatalError() }
}

/// https://developer.apple.com/documentation/coreml/mlmultiarrayconstraint
open class MLMultiArrayConstraint: NSObject {
  /// https://developer.apple.com/documentation/coreml/mlmultiarrayconstraint/shape
  open var shape: [NSNumber] { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlmultiarrayconstraint/datatype
  open var dataType: MLMultiArrayDataType { fatalError() }
}

/// https://developer.apple.com/documentation/coreml/mlimageconstraint
open class MLImageConstraint: NSObject {
  /// https://developer.apple.com/documentation/coreml/mlimageconstraint/pixelswide
  open var pixelsWide: Int { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlimageconstraint/pixelshigh
  open var pixelsHigh: Int { fatalError() }
}

/// https://developer.apple.com/documentation/coreml/mlfeaturedescription
open class MLFeatureDescription: NSObject {
  /// https://developer.apple.com/documentation/coreml/mlfeaturedescription/name
  open var name: String { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlfeaturedescription/type
  open var type: MLFeatureType { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlfeaturedescription/multiarrayconstraint
  open var multiArrayConstraint: MLMultiArrayConstraint? { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlfeaturedescription/imageconstraint
  open var imageConstraint: MLImageConstraint? { fatalError() }
}

/// https://developer.apple.com/documentation/coreml/mlmodelmetadatakey
public struct MLModelMetadataKey: RawRepresentable, Hashable, Sendable {
  /// https://developer.apple.com/documentation/coreml/mlmodelmetadatakey
  public let rawValue: String
  /// https://developer.apple.com/documentation/coreml/mlmodelmetadatakey/init(rawvalue:)
  public init(rawValue: String) { self.rawValue = rawValue }
  /// https://developer.apple.com/documentation/coreml/mlmodelmetadatakey/creatordefinedkey
  public static var creatorDefinedKey: MLModelMetadataKey { fatalError() }
}

/// https://developer.apple.com/documentation/coreml/mlmodeldescription
open class MLModelDescription: NSObject {
  /// https://developer.apple.com/documentation/coreml/mlmodeldescription/inputdescriptionsbyname
  open var inputDescriptionsByName: [String: MLFeatureDescription] { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlmodeldescription/outputdescriptionsbyname
  open var outputDescriptionsByName: [String: MLFeatureDescription] { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlmodeldescription/metadata
  open var metadata: [MLModelMetadataKey: Any] { fatalError() }
}

/// https://developer.apple.com/documentation/coreml/mlmodel
open class MLModel: NSObject {
  /// https://developer.apple.com/documentation/coreml/mlmodel/modeldescription
  open var modelDescription: MLModelDescription { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlmodel/compilemodel(at:)-6442s
  public class func compileModel(at modelURL: URL) async throws -> URL { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlmodel/init(contentsof:configuration:)
  public convenience init(contentsOf url: URL, configuration: MLModelConfiguration) throws {
    fatalError()
  }
  /// https://developer.apple.com/documentation/coreml/mlmodel/prediction(from:)
  open func prediction(from input: any MLFeatureProvider) throws -> any MLFeatureProvider {
    fatalError()
  }
  /// https://developer.apple.com/documentation/coreml/mlmodel/predictions(frombatch:)
  open func predictions(fromBatch inputBatch: any MLBatchProvider) throws -> any MLBatchProvider {
    fatalError()
  }
  /// https://developer.apple.com/documentation/coreml/mlmodel/availablecomputedevices-6klyt
  public class var availableComputeDevices: [MLComputeDevice] { fatalError() }
}

/// https://developer.apple.com/documentation/coreml/mlcpucomputedevice
public class MLCPUComputeDevice: NSObject {}
/// https://developer.apple.com/documentation/coreml/mlgpucomputedevice
public class MLGPUComputeDevice: NSObject {}
/// https://developer.apple.com/documentation/coreml/mlneuralenginecomputedevice
public class MLNeuralEngineComputeDevice: NSObject {}

/// https://developer.apple.com/documentation/coreml/mlcomputedevice
public enum MLComputeDevice {
  case cpu(MLCPUComputeDevice)
  case gpu(MLGPUComputeDevice)
  case neuralEngine(MLNeuralEngineComputeDevice)
}

/// https://developer.apple.com/documentation/coreml/mlmodelstructure-swift.enum
public enum MLModelStructure {
  /// https://developer.apple.com/documentation/coreml/mlmodelstructure-swift.enum/program-swift.struct
  public struct Program {
    /// https://developer.apple.com/documentation/coreml/mlmodelstructure-swift.enum/program-swift.struct/functions
    public let functions: [String: Function]
    /// https://developer.apple.com/documentation/coreml/mlmodelstructure-swift.enum/program-swift.struct/function
    public struct Function {
      /// https://developer.apple.com/documentation/coreml/mlmodelstructure-swift.enum/program-swift.struct/function/block
      public let block: Block
    }
    /// https://developer.apple.com/documentation/coreml/mlmodelstructure-swift.enum/program-swift.struct/block
    public struct Block {
      /// https://developer.apple.com/documentation/coreml/mlmodelstructure-swift.enum/program-swift.struct/block/operations
      public let operations: [Operation]
    }
    /// https://developer.apple.com/documentation/coreml/mlmodelstructure-swift.enum/program-swift.struct/operation
    public struct Operation {
      /// https://developer.apple.com/documentation/coreml/mlmodelstructure-swift.enum/program-swift.struct/operation/operatorname
      public let operatorName: String
      /// https://developer.apple.com/documentation/coreml/mlmodelstructure-swift.enum/program-swift.struct/operation/blocks
      public let blocks: [Block]
    }
  }

  case program(Program)
  case unsupported
}

/// https://developer.apple.com/documentation/coreml/mlcomputeplan-1w21n
public class MLComputePlan {
  init() {}
  /// https://developer.apple.com/documentation/coreml/mlcomputeplan-1w21n/deviceusage
  public struct DeviceUsage {
    /// https://developer.apple.com/documentation/coreml/mlcomputeplan-1w21n/deviceusage/supported
    public let supported: [MLComputeDevice]
    /// https://developer.apple.com/documentation/coreml/mlcomputeplan-1w21n/deviceusage/preferred
    public let preferred: MLComputeDevice
  }
  /// https://developer.apple.com/documentation/coreml/mlcomputeplan-1w21n/modelstructure
  public var modelStructure: MLModelStructure { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlcomputeplan-1w21n/load(contentsof:configuration:)
  public class func load(
    contentsOf url: URL, configuration: MLModelConfiguration
  ) async throws -> MLComputePlan { fatalError() }
  /// https://developer.apple.com/documentation/coreml/mlcomputeplan-1w21n/deviceusage(for:)-5jzz9
  public func deviceUsage(for operation: MLModelStructure.Program.Operation) -> DeviceUsage? {
    fatalError()
  }
}
