// The measurements of a run on a device: `results.json`, schema `blazepalm-ios-results/1`.
//
// Keys are written in snake_case; a number that is not finite, or not known, is null.

import Foundation

/// A number that may be unknown; NaN and infinities are written as null too.
@propertyWrapper
public struct OrNull: Codable, Equatable, Sendable {
  /// The number, or nil.
  public var wrappedValue: Double?

  /// A number or nil.
  public init(wrappedValue: Double?) {
    self.wrappedValue = wrappedValue
  }

  /// Reads a number or null.
  public init(from decoder: Decoder) throws {
    let container = try decoder.singleValueContainer()
    wrappedValue = container.decodeNil() ? nil : try container.decode(Double.self)
  }

  /// Writes a number or null.
  public func encode(to encoder: Encoder) throws {
    var container = encoder.singleValueContainer()
    if let wrappedValue, wrappedValue.isFinite {
      try container.encode(wrappedValue)
    } else {
      try container.encodeNil()
    }
  }
}

/// A whole run.
public struct Results: Codable, Equatable, Sendable {
  /// The only schema that is written.
  public static let schema = "blazepalm-ios-results/1"

  /// Always ``schema``.
  public var schema = Results.schema
  /// The run.
  public var run: RunFacts
  /// The device.
  public var device: DeviceFacts
  /// The fixtures.
  public var fixtures: FixtureFacts
  /// The models that were loaded.
  public var models: [ModelFacts] = []
  /// Outputs of single models compared with the recorded ones.
  public var parity: [ParityRow] = []
  /// Hands of whole pictures compared with the expected ones.
  public var pipeline: [PipelineRow] = []
  /// Speed, memory and heat.
  public var bench: [BenchRow] = []
  /// The failures.
  public var failures: [FailureRow] = []
  /// `complete` once every requested stage has been tried; until then `partial`.
  public var status = Status.partial

  /// Whether the run finished.
  public enum Status: String, Codable, Sendable {
    /// Every requested stage has been tried.
    case complete
    /// The run has not finished, or was cut off.
    case partial
  }

  /// A run without rows.
  public init(run: RunFacts, device: DeviceFacts, fixtures: FixtureFacts) {
    self.run = run
    self.device = device
    self.fixtures = fixtures
  }

  /// The same run without its rows, to which one case then adds its own.
  public func withoutRows() -> Results {
    Results(run: run, device: device, fixtures: fixtures)
  }

  /// JSON with sorted keys, on several lines if `pretty`, else on one.
  public func json(pretty: Bool) throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
    return try encoder.encode(self)
  }

  /// Reads the output of ``json(pretty:)``.
  public static func read(_ data: Data) throws -> Results {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Results.self, from: data)
  }
}

/// Which run.
public struct RunFacts: Codable, Equatable, Sendable {
  /// A name that distinguishes runs.
  public var id: String
  /// ISO 8601, UTC.
  public var startedAt: String
  /// The commit of the harness; empty if unknown.
  public var commit: String
  /// `Release` or `Debug`.
  public var configuration: String
  /// SHA-256 of the effective run configuration.
  public var configSha256: String
  /// How the run was started: `device`, `simulator`, `farm` or `replay`.
  public var channel: String

  /// The facts of one run.
  public init(
    id: String, startedAt: String, commit: String, configuration: String, configSha256: String,
    channel: String
  ) {
    self.id = id
    self.startedAt = startedAt
    self.commit = commit
    self.configuration = configuration
    self.configSha256 = configSha256
    self.channel = channel
  }
}

/// The device of a run.
public struct DeviceFacts: Codable, Equatable, Sendable {
  /// The hardware's name, such as `iPhone15,2`.
  public var model: String
  /// A simulator, or a replay of recorded outputs.
  public var isSimulator: Bool
  /// The system's version.
  public var osVersion: String
  /// The system's build.
  public var osBuild: String
  /// Memory in bytes.
  public var ramBytes: UInt64
  /// Whether low power mode was on.
  public var lowPower: Bool
  /// `cpu`, `gpu`, `neuralEngine`: the units that Core ML may use.
  public var computeDevices: [String]

  /// The facts of one device.
  public init(
    model: String, isSimulator: Bool, osVersion: String, osBuild: String, ramBytes: UInt64,
    lowPower: Bool, computeDevices: [String]
  ) {
    self.model = model
    self.isSimulator = isSimulator
    self.osVersion = osVersion
    self.osBuild = osBuild
    self.ramBytes = ramBytes
    self.lowPower = lowPower
    self.computeDevices = computeDevices
  }
}

/// With which inputs.
public struct FixtureFacts: Codable, Equatable, Sendable {
  /// SHA-256 of `manifest.json`.
  public var manifestSha256: String

  /// The facts of one fixtures folder.
  public init(manifestSha256: String) {
    self.manifestSha256 = manifestSha256
  }
}

/// A model that was loaded.
public struct ModelFacts: Codable, Equatable, Sendable {
  /// Its name in the fixtures.
  public var name: String
  /// The package's path in the fixtures.
  public var file: String
  /// The package's SHA-256 from the manifest.
  public var sha256: String
  /// `fp16` or `fp32`.
  public var precision: String
  /// Inputs and outputs as observed at run time.
  public var io: [PortFacts]

  /// The facts of one model.
  public init(name: String, file: String, sha256: String, precision: String, io: [PortFacts]) {
    self.name = name
    self.file = file
    self.sha256 = sha256
    self.precision = precision
    self.io = io
  }
}

/// An input or output as observed at run time.
public struct PortFacts: Codable, Equatable, Sendable {
  /// Its name.
  public var name: String
  /// `float16`, `float32`, … or `image`.
  public var dtype: String
  /// Sizes of the axes, slowest first.
  public var shape: [Int]
  /// The stride of each axis, in values.
  public var strides: [Int]

  /// The facts of one input or output.
  public init(name: String, dtype: String, shape: [Int], strides: [Int]) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.strides = strides
  }
}

/// What went wrong.
public struct FailureRow: Codable, Equatable, Sendable {
  /// `fixtures`, `load`, `parity`, `pipeline` or `bench`.
  public var stage: String
  /// The model, or empty.
  public var model: String
  /// The compute units, or empty.
  public var units: String
  /// One sentence, which begins with the case if there is one.
  public var message: String

  /// One failure.
  public init(stage: String, model: String, units: String, message: String) {
    self.stage = stage
    self.model = model
    self.units = units
    self.message = message
  }
}
