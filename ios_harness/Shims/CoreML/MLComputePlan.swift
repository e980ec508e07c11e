// A plan for a program of four operations: a constant, which has no device, and three others.

import Foundation

/// https://developer.apple.com/documentation/coreml/mlcpucomputedevice
public final class MLCPUComputeDevice: Hashable, Sendable {
  init() {}
  /// All instances are equal.
  public static func == (a: MLCPUComputeDevice, b: MLCPUComputeDevice) -> Bool { true }
  /// All instances are equal.
  public func hash(into hasher: inout Hasher) {}
}

/// https://developer.apple.com/documentation/coreml/mlgpucomputedevice
public final class MLGPUComputeDevice: Hashable, Sendable {
  init() {}
  /// All instances are equal.
  public static func == (a: MLGPUComputeDevice, b: MLGPUComputeDevice) -> Bool { true }
  /// All instances are equal.
  public func hash(into hasher: inout Hasher) {}
}

/// https://developer.apple.com/documentation/coreml/mlneuralenginecomputedevice
public final class MLNeuralEngineComputeDevice: Hashable, Sendable {
  init() {}
  /// All instances are equal.
  public static func == (
    a: MLNeuralEngineComputeDevice, b: MLNeuralEngineComputeDevice
  ) -> Bool { true }
  /// All instances are equal.
  public func hash(into hasher: inout Hasher) {}
}

/// https://developer.apple.com/documentation/coreml/mlcomputedevice
public enum MLComputeDevice: Hashable, Sendable {
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
public final class MLComputePlan {
  /// https://developer.apple.com/documentation/coreml/mlcomputeplan-1w21n/deviceusage
  public struct DeviceUsage {
    /// https://developer.apple.com/documentation/coreml/mlcomputeplan-1w21n/deviceusage/supported
    public let supported: [MLComputeDevice]
    /// https://developer.apple.com/documentation/coreml/mlcomputeplan-1w21n/deviceusage/preferred
    public let preferred: MLComputeDevice
  }

  /// https://developer.apple.com/documentation/coreml/mlcomputeplan-1w21n/modelstructure
  public let modelStructure: MLModelStructure
  private let units: MLComputeUnits

  private init(units: MLComputeUnits) {
    self.units = units
    let names = ["const", "ios16.conv", "ios16.relu", "ios16.sigmoid"]
    let operations = names.map {
      MLModelStructure.Program.Operation(operatorName: $0, blocks: [])
    }
    let block = MLModelStructure.Program.Block(operations: operations)
    modelStructure = .program(.init(functions: ["main": .init(block: block)]))
  }

  /// https://developer.apple.com/documentation/coreml/mlcomputeplan-1w21n/load(contentsof:configuration:)
  public static func load(
    contentsOf url: URL, configuration: MLModelConfiguration
  ) async throws -> MLComputePlan {
    MLComputePlan(units: configuration.computeUnits)
  }

  /// https://developer.apple.com/documentation/coreml/mlcomputeplan-1w21n/deviceusage(for:)-5jzz9
  public func deviceUsage(for operation: MLModelStructure.Program.Operation) -> DeviceUsage? {
    guard operation.operatorName != "const" else { return nil }
    let device: MLComputeDevice
    switch (units, operation.operatorName) {
    case (.cpuOnly, _), (_, "ios16.sigmoid"): device = .cpu(MLCPUComputeDevice())
    case (.cpuAndGPU, _): device = .gpu(MLGPUComputeDevice())
    case (.all, _), (.cpuAndNeuralEngine, _): device = .neuralEngine(MLNeuralEngineComputeDevice())
    }
    return DeviceUsage(supported: [device], preferred: device)
  }
}
