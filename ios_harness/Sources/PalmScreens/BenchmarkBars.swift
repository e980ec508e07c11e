// A benchmark's rows as the bars of a chart, and reasons why its figures do not count.

import PalmCore

/// One bar: a model on some units.
public struct BenchmarkBar: Equatable, Sendable, Identifiable {
  /// The model's name.
  public var model: String
  /// The units' title.
  public var units: String
  /// The median in milliseconds.
  public var median: Double
  /// The 95th percentile in milliseconds.
  public var slow: Double

  /// Model and units.
  public var id: String { "\(model) \(units)" }

  /// The VoiceOver text.
  public var spoken: String {
    "\(model) on \(units): median \(millisecondsText(median)), 95th percentile \(millisecondsText(slow))"
  }
}

/// The bars of a benchmark in the order of the units; omits rows without figures.
public func benchmarkBars(_ rows: [BenchRow]) -> [BenchmarkBar] {
  Units.allCases.flatMap { units in
    rows.filter { $0.units == units.rawValue }.compactMap { row in
      guard let median = row.p50Ms, let slow = row.p95Ms else { return nil }
      return BenchmarkBar(model: row.model, units: units.title, median: median, slow: slow)
    }
  }
}

/// Reasons why the figures do not count as a benchmark, one sentence each. The rules are those of
/// `blazepalm ios ingest`, which has the final say.
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
    caveats.append("The device was not cool: let it cool and start again.")
  }
  return caveats
}

extension BenchRow {
  /// Whether the device was not cool at the start, or became hot during the run.
  var wasWarm: Bool {
    let states = [thermal.start, thermal.end] + thermal.events.map(\.state)
    return thermal.start != "nominal" || states.contains { ["serious", "critical"].contains($0) }
  }
}

/// Milliseconds with one decimal, or two below 10.
public func millisecondsText(_ milliseconds: Double) -> String {
  guard milliseconds.isFinite, milliseconds >= 0 else { return "? ms" }
  let digits = milliseconds < 10 ? 100.0 : 10.0
  return "\((milliseconds * digits).rounded() / digits) ms"
}
