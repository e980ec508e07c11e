// A benchmark's rows as the bars of a chart, and why its figures may be no benchmark.

import PalmCore

/// One bar: a model on some units.
public struct BenchmarkBar: Equatable, Sendable, Identifiable {
  /// The model's name.
  public var model: String
  /// The units' title.
  public var units: String
  /// The median in milliseconds.
  public var median: Double
  /// 19 of 20 predictions are faster, in milliseconds.
  public var slow: Double

  /// Model and units.
  public var id: String { "\(model) \(units)" }

  /// For VoiceOver.
  public var spoken: String {
    "\(model) on \(units): median \(millisecondsText(median)), 95th percentile \(millisecondsText(slow))"
  }
}

/// The bars of a benchmark in the order of the units; rows without figures have none.
public func benchmarkBars(_ rows: [BenchRow]) -> [BenchmarkBar] {
  Units.allCases.flatMap { units in
    rows.filter { $0.units == units.rawValue }.compactMap { row in
      guard let median = row.p50Ms, let slow = row.p95Ms else { return nil }
      return BenchmarkBar(model: row.model, units: units.title, median: median, slow: slow)
    }
  }
}

/// Why the figures are no benchmark, one sentence each; empty where they are one. The same rules
/// as `blazepalm ios ingest`, which judges for good.
public func benchmarkCaveats(_ results: Results) -> [String] {
  var caveats: [String] = []
  if results.device.isSimulator {
    caveats.append("A simulator runs on the computer's processor.")
  }
  if results.run.configuration != "Release" {
    caveats.append("A Debug build is slow.")
  }
  if results.device.lowPower {
    caveats.append("Low power mode slows every unit.")
  }
  if results.bench.contains(where: \.wasWarm) {
    caveats.append("The device was not cool: let it rest and start again.")
  }
  return caveats
}

extension BenchRow {
  /// It began on a device that was not cool, or met heat on the way.
  var wasWarm: Bool {
    let states = [thermal.start, thermal.end] + thermal.events.map(\.state)
    return thermal.start != "nominal" || states.contains { ["serious", "critical"].contains($0) }
  }
}

/// Milliseconds with one digit, two below 10.
public func millisecondsText(_ milliseconds: Double) -> String {
  guard milliseconds.isFinite, milliseconds >= 0 else { return "? ms" }
  let digits = milliseconds < 10 ? 100.0 : 10.0
  return "\((milliseconds * digits).rounded() / digits) ms"
}
