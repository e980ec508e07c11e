// What a run on a device has measured: `results.json`, schema `blazepalm-ios-results/1`.
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
  /// Which run.
  public var run: RunFacts
  /// On what.
  public var device: DeviceFacts
  /// With which inputs.
  public var fixtures: FixtureFacts
  /// The models that were loaded.
  public var models: [ModelFacts] = []
  /// Outputs of single models against the recorded ones.
  public var parity: [ParityRow] = []
  /// Hands of whole pictures against the expected ones.
  public var pipeline: [PipelineRow] = []
  /// Speed, memory and heat.
  public var bench: [BenchRow] = []
  /// What went wrong.
  public var failures: [FailureRow] = []
  /// `complete` once everything asked for has been tried; before that `partial`.
  public var status = Status.partial

  /// Whether the run came to its end.
  public enum Status: String, Codable, Sendable {
    /// Everything asked for has been tried.
    case complete
    /// Not yet, or it was cut off.
    case partial
  }

  /// A run without rows.
  public init(run: RunFacts, device: DeviceFacts, fixtures: FixtureFacts) {
    self.run = run
    self.device = device
    self.fixtures = fixtures
  }

  /// The same run without its rows: to write down what one case has added.
  public func withoutRows() -> Results {
    Results(run: run, device: device, fixtures: fixtures)
  }

  /// JSON with sorted keys; `pretty` on several lines, else on one.
  public func json(pretty: Bool) throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
    return try encoder.encode(self)
  }

  /// Reads what ``json(pretty:)`` wrote.
  public static func read(_ data: Data) throws -> Results {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Results.self, from: data)
  }
}

/// Which run.
public struct RunFacts: Codable, Equatable, Sendable {
  /// A name that tells runs apart.
  public var id: String
  /// ISO 8601, UTC.
  public var startedAt: String
  /// The commit of the harness; empty where unknown.
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

/// On what the run took place.
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
  /// Low power mode was on.
  public var lowPower: Bool
  /// `cpu`, `gpu`, `neuralEngine`: what Core ML may use.
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
  /// The package's SHA-256 as the manifest has it.
  public var sha256: String
  /// `fp16` or `fp32`.
  public var precision: String
  /// Inputs and outputs as they were seen at run time.
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

/// An input or output as it was seen at run time.
public struct PortFacts: Codable, Equatable, Sendable {
  /// Its name.
  public var name: String
  /// `float16`, `float32`, … or `image`.
  public var dtype: String
  /// Sizes of the axes, slowest first.
  public var shape: [Int]
  /// Distance of neighbours on each axis, in values.
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
  /// One sentence; it begins with the case where there is one.
  public var message: String

  /// One failure.
  public init(stage: String, model: String, units: String, message: String) {
    self.stage = stage
    self.model = model
    self.units = units
    self.message = message
  }
}
