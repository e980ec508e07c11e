// One run: fixtures, configuration, results, and the order of its jobs.

import Foundation
import PalmCore
import PalmDevice
import PalmKit

#if canImport(CoreML)
  import CoreML

  /// A model and the units to run it on.
  public struct Job: Sendable {
    /// The model.
    public var model: FixtureModel
    /// The units.
    public var units: Units

    /// `model` on `units`.
    public init(model: FixtureModel, units: Units) {
      self.model = model
      self.units = units
    }
  }

  /// One run of the harness. Use it from one thread at a time.
  public final class HarnessRun {
    /// Models, pictures and expected results.
    public let fixtures: Fixtures
    /// The configuration.
    public let configuration: RunConfiguration
    /// The results so far.
    public let store: ResultStore
    /// Compiled models.
    public let models: ModelStore

    /// A run that writes to `output`. It first checks every file of the fixtures.
    ///
    /// Throws `PalmError` if fixtures or configuration are invalid.
    public init(
      fixtures folder: URL, configuration: RunConfiguration, output: URL, models: ModelStore
    ) throws {
      fixtures = try Fixtures(folder: folder)
      try fixtures.verify()
      self.configuration = configuration
      self.models = models
      let started = ISO8601DateFormatter().string(from: Date())
      let channel = DeviceReport.isSimulator ? Self.replayOrSimulator : "device"
      let run = RunFacts(
        id: configuration.id.isEmpty ? UUID().uuidString : configuration.id, startedAt: started,
        commit: configuration.commit.isEmpty
          ? fixtures.manifest.commit ?? "" : configuration.commit,
        configuration: DeviceReport.buildConfiguration, configSha256: try configuration.sha256(),
        channel: configuration.channel.isEmpty ? channel : configuration.channel)
      let device = DeviceFacts(
        model: DeviceReport.model, isSimulator: DeviceReport.isSimulator,
        osVersion: DeviceReport.systemVersion, osBuild: DeviceReport.systemBuild,
        ramBytes: DeviceReport.memory, lowPower: DeviceReport.isLowPower,
        computeDevices: computeDeviceNames())
      store = try ResultStore(
        folder: output,
        results: Results(
          run: run, device: device,
          fixtures: FixtureFacts(manifestSha256: fixtures.manifestSHA256)),
        stages: configuration.stages)
    }

    /// Every model on every unit; each further model starts one unit later, so that no unit always
    /// gets the coolest or the hottest device.
    ///
    /// Throws `PalmError.invalidConfiguration` if the configuration selects none,
    /// or names an unknown one.
    public func jobs() throws -> [Job] {
      for name in configuration.models {
        _ = try fixtures.model(name)
      }
      let chosen = fixtures.manifest.models.filter {
        configuration.models.isEmpty || configuration.models.contains($0.name)
      }
      return chosen.enumerated().flatMap { index, model in
        rotatedUnits(by: index).map { Job(model: model, units: $0) }
      }
    }

    /// The records of a model that the configuration selects.
    ///
    /// Throws `PalmError.invalidConfiguration` if there is none: comparing nothing
    /// is a failure.
    public func records(of model: FixtureModel) throws -> [FixtureRecord] {
      let chosen = fixtures.manifest.records.filter {
        $0.model == model.name && (isChosen($0.name) || isChosen($0.image))
      }
      guard !chosen.isEmpty else {
        throw PalmError.invalidConfiguration(
          "no record of \(model.name) in cases \(configuration.cases); name cases of the "
            + "fixtures")
      }
      return chosen
    }

    /// The pictures with known hands that the configuration selects.
    ///
    /// Throws `PalmError.invalidConfiguration` if there is none.
    public func cases() throws -> [FixtureCase] {
      let chosen = fixtures.manifest.cases.filter { isChosen($0.name) && $0.landmarks != nil }
      guard !chosen.isEmpty else {
        throw PalmError.invalidConfiguration(
          "no picture with known hands in cases \(configuration.cases); name cases of the "
            + "fixtures")
      }
      return chosen
    }

    /// The units in the order for the model with this index.
    public func rotatedUnits(by index: Int) -> [Units] {
      let units = configuration.units
      let shift = index % units.count
      return Array(units[shift...] + units[..<shift])
    }

    /// The package of a model.
    public func package(_ model: FixtureModel) -> URL {
      fixtures.folder.appendingPathComponent(model.package)
    }

    /// Loads the model, compiling it first if necessary.
    ///
    /// Throws `PalmError.invalidModel` if that fails.
    public func load(
      _ job: Job, isolation: isolated (any Actor)? = #isolation
    ) async throws -> CoreMLRunner {
      let compiled = try await models.compiled(package(job.model), key: job.model.sha256)
      return try CoreMLRunner(compiled: compiled.url, units: job.units)
    }

    /// Adds a failure; returns a document with it alone.
    public func fail(
      _ stage: String, model: String = "", units: Units? = nil, _ error: Error
    ) throws -> Results {
      let message = (error as? PalmError)?.description ?? error.localizedDescription
      return try store.add { results in
        results.failures = [
          FailureRow(
            stage: stage, model: model, units: units?.rawValue ?? "", message: message)
        ]
      }
    }

    private func isChosen(_ name: String) -> Bool {
      configuration.cases.isEmpty || configuration.cases.contains(name)
    }

    private static var replayOrSimulator: String {
      #if canImport(Darwin)
        "simulator"
      #else
        "replay"
      #endif
    }
  }
#endif
