// One model on some units: compile, cold load, warm loads, first prediction, warm-up, samples,
// memory, heat, plan. Each figure is separate; the samples stay in chronological order, because
// heat can slow the Neural Engine while the thermal state still reads nominal.

import Foundation
import PalmCore
import PalmDevice
import PalmKit

#if canImport(CoreML)
  import CoreML

  #if canImport(CoreVideo)
    import CoreVideo
  #endif

  /// The device readings that a benchmark uses; a test supplies its own.
  public struct Instruments {
    /// Reads the current thermal state.
    public var thermal: () -> ThermalState = { .current }
    /// Reads the current memory in bytes.
    public var memory: () -> UInt64 = { memoryInUse() }
    /// Waits for the given number of seconds.
    public var wait: @Sendable (Double) async -> Void = { seconds in
      try? await Task.sleep(nanoseconds: UInt64(seconds * 1e9))
    }

    /// The readings of the device.
    public init() {}
  }

  extension HarnessRun {
    /// Measures a model, on the caller's actor, and adds its row. Returns a document with the added
    /// rows.
    public func bench(
      _ job: Job, _ instruments: Instruments = Instruments(),
      isolation: isolated (any Actor)? = #isolation
    ) async throws -> Results {
      do {
        let (row, facts) = try await measure(job, instruments)
        return try store.add { results in
          results.models = [facts]
          results.bench = [row]
        }
      } catch let error as PalmError {
        return try fail("bench", model: job.model.name, units: job.units, error)
      }
    }

    private func measure(
      _ job: Job, _ instruments: Instruments, isolation: isolated (any Actor)? = #isolation
    ) async throws -> (BenchRow, ModelFacts) {
      var heat = HeatLog(instruments.thermal)
      await coolDown(&heat, instruments)
      let clock = ContinuousClock()
      let before = instruments.memory()
      let compiled = try await models.compiled(
        package(job.model), key: job.model.sha256, again: true)
      var loads: [Double] = []
      var runner: CoreMLRunner?
      for _ in 0...configuration.warmLoads {
        runner = nil  // one model in memory at a time
        let start = clock.now
        runner = try CoreMLRunner(compiled: compiled.url, units: job.units)
        loads.append(start.duration(to: clock.now).milliseconds)
      }
      guard let runner else { throw PalmError.invalidModel("\(job.model.name): not loaded") }
      let loaded = instruments.memory()
      let picture = try makePixelBuffer(fixtures.image(records(of: job.model)[0].input))
      var samples: [UInt64] = []
      var first: Double?
      var peak = max(before, loaded)
      var outputs: [String: OutputTensor] = [:]
      for index in 0..<1 + configuration.warmup + configuration.iterations {
        let start = clock.now
        outputs = try pooled { try runner.predict([picture])[0] }
        let elapsed = start.duration(to: clock.now)
        if index == 0 {
          first = elapsed.milliseconds
        } else if index > configuration.warmup {
          samples.append(elapsed.nanoseconds)
        }
        peak = max(peak, instruments.memory())
        heat.look()
      }
      let row = BenchRow(
        model: job.model.name, units: job.units.rawValue, warmup: configuration.warmup,
        samplesNs: samples, firstMs: first,
        load: LoadTimes(
          compileMs: compiled.compileMs, coldMs: loads[0], warmMs: Array(loads.dropFirst())),
        memory: MemoryFootprint(before: before, loaded: loaded, peak: peak), thermal: heat.record,
        plan: await planShares(compiled: compiled.url, units: job.units))
      return (row, facts(of: job.model, outputs))
    }

    /// Waits until the device is cool, but no longer than the configuration allows. The state after
    /// the wait counts as the start.
    private func coolDown(
      _ heat: inout HeatLog, _ instruments: Instruments,
      isolation: isolated (any Actor)? = #isolation
    ) async {
      var waited = 0
      while !instruments.thermal().isCool, waited < configuration.cooldownSeconds {
        heat.note("cooling")
        await instruments.wait(1)
        waited += 1
      }
      heat.begin()
    }
  }

  /// The thermal state over time: its start, its end, and every change.
  struct HeatLog {
    private let read: () -> ThermalState
    private let clock = ContinuousClock()
    private let origin: ContinuousClock.Instant
    private var start: ThermalState
    private var last: ThermalState
    private var events: [ThermalEvent] = []

    init(_ read: @escaping () -> ThermalState) {
      self.read = read
      origin = clock.now
      start = read()
      last = start
    }

    /// Starts the measurement with the current state.
    mutating func begin() {
      start = read()
      last = start
    }

    /// Reads the state and records it if it has changed.
    mutating func look() {
      let state = read()
      if state != last {
        last = state
        note(state.rawValue)
      }
    }

    /// Records an event, unless the previous one has the same state.
    mutating func note(_ state: String) {
      guard events.last?.state != state else { return }
      let seconds = origin.duration(to: clock.now).milliseconds / 1e3
      events.append(ThermalEvent(atS: seconds, state: state))
    }

    var record: ThermalRecord {
      ThermalRecord(start: start.rawValue, end: last.rawValue, events: events)
    }
  }
#endif
