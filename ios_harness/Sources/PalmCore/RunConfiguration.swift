// The configuration of a run: `Documents/run.json` overrides `TEST_RUNNER_*` variables, which
// override the bundled default. Each source may omit values.
//
// `xcodebuild test` passes `TEST_RUNNER_X` to the tests as `X`; both names are read.

import Foundation

/// The units that Core ML may use.
public enum Units: String, Codable, CaseIterable, Sendable {
  /// The CPU alone: the most repeatable; float32 if the model is.
  case cpuOnly
  /// CPU and GPU.
  case cpuAndGPU
  /// CPU and Neural Engine.
  case cpuAndNeuralEngine
  /// Whatever Core ML prefers.
  case all
}

/// A part of a run.
public enum RunStage: String, Codable, CaseIterable, Sendable {
  /// Outputs of single models.
  case parity
  /// Hands of whole pictures.
  case pipeline
  /// Speed.
  case bench
}

/// The configuration of a run.
public struct RunConfiguration: Codable, Equatable, Sendable {
  /// Names of models; empty: all.
  public var models: [String] = []
  /// Names of cases and records; empty: all.
  public var cases: [String] = []
  /// Compute units, in the order of the first model; each further model starts one later.
  public var units: [Units] = Units.allCases
  /// The stages to run.
  public var stages: [RunStage] = RunStage.allCases
  /// Predictions before timing starts.
  public var warmup = 20
  /// Timed predictions.
  public var iterations = 200
  /// Further loads of each model.
  public var warmLoads = 3
  /// The longest wait for the device to cool before a benchmark, in seconds.
  public var cooldownSeconds = 120
  /// The commit of the harness; empty if unknown.
  public var commit = ""
  /// How the run is started: `device`, `simulator`, `farm`, `replay`; empty: detected.
  public var channel = ""
  /// The run's name; empty: generated.
  public var id = ""

  enum CodingKeys: String, CodingKey, CaseIterable {
    case models, cases, units, stages, warmup, iterations
    case warmLoads = "warm_loads"
    case cooldownSeconds = "cooldown_seconds"
    case commit, channel, id
  }

  /// The built-in defaults.
  public init() {}

  /// The configuration of a run: `documents` over `environment` over `bundled`.
  ///
  /// Throws ``PalmError/invalidConfiguration(_:)`` if one of them cannot be read, has an
  /// unknown key, or an invalid value.
  public static func load(
    documents: Data?, environment: [String: String], bundled: Data?
  ) throws -> RunConfiguration {
    var values: [String: Any] = [:]
    if let bundled {
      values.merge(try object(bundled, "the bundled run.json")) { $1 }
    }
    values.merge(try variables(environment)) { $1 }
    if let documents {
      values.merge(try object(documents, "Documents/run.json")) { $1 }
    }
    return try RunConfiguration(values)
  }

  /// SHA-256 of the effective values.
  public func sha256() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return SHA256Digest.hex(of: try encoder.encode(self))
  }

  private init(_ values: [String: Any]) throws {
    for (key, value) in values {
      guard let known = CodingKeys(rawValue: key) else {
        let names = CodingKeys.allCases.map(\.rawValue).joined(separator: ", ")
        throw PalmError.invalidConfiguration("run configuration: unknown key \(key); use \(names)")
      }
      switch known {
      case .models: models = try Self.names(value, key)
      case .cases: cases = try Self.names(value, key)
      case .units: units = try Self.choices(value, key)
      case .stages: stages = try Self.choices(value, key)
      case .warmup: warmup = try Self.number(value, key, 0...100_000)
      case .iterations: iterations = try Self.number(value, key, 1...100_000)
      case .warmLoads: warmLoads = try Self.number(value, key, 0...100)
      case .cooldownSeconds: cooldownSeconds = try Self.number(value, key, 0...3600)
      case .commit: commit = try Self.text(value, key)
      case .channel: channel = try Self.text(value, key)
      case .id: id = try Self.text(value, key)
      }
    }
  }

  private static func object(_ data: Data, _ source: String) throws -> [String: Any] {
    guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw PalmError.invalidConfiguration("\(source): not a JSON object; correct or remove it")
    }
    return object
  }

  /// `BLAZEPALM_IOS_WARM_LOADS=5` → `warm_loads`; lists are separated by commas.
  private static func variables(_ environment: [String: String]) throws -> [String: Any] {
    var values: [String: Any] = [:]
    for key in CodingKeys.allCases {
      let name = "BLAZEPALM_IOS_" + key.rawValue.uppercased()
      guard let text = environment[name] ?? environment["TEST_RUNNER_" + name] else { continue }
      switch key {
      case .models, .cases, .units, .stages:
        values[key.rawValue] = text.split(separator: ",").map {
          $0.trimmingCharacters(in: .whitespaces)
        }
      case .warmup, .iterations, .warmLoads, .cooldownSeconds:
        guard let number = Int(text) else {
          throw PalmError.invalidConfiguration("\(name) is \(text), expected a whole number")
        }
        values[key.rawValue] = number
      case .commit, .channel, .id: values[key.rawValue] = text
      }
    }
    return values
  }

  private static func names(_ value: Any, _ key: String) throws -> [String] {
    guard let names = value as? [String] else {
      throw PalmError.invalidConfiguration("run configuration: \(key) must be a list of names")
    }
    return names
  }

  private static func choices<Choice: RawRepresentable & CaseIterable>(
    _ value: Any, _ key: String
  ) throws -> [Choice] where Choice.RawValue == String {
    let chosen = try names(value, key).map { Choice(rawValue: $0) }
    let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    guard !chosen.isEmpty, !chosen.contains(where: { $0 == nil }) else {
      throw PalmError.invalidConfiguration(
        "run configuration: \(key) must be a list of names from \(known)")
    }
    return chosen.compactMap { $0 }
  }

  private static func number(
    _ value: Any, _ key: String, _ range: ClosedRange<Int>
  ) throws -> Int {
    guard let number = value as? Int, range.contains(number) else {
      throw PalmError.invalidConfiguration(
        "run configuration: \(key) must be a whole number from \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
    return number
  }

  private static func text(_ value: Any, _ key: String) throws -> String {
    guard let text = value as? String else {
      throw PalmError.invalidConfiguration("run configuration: \(key) must be text")
    }
    return text
  }
}
